/** The backend that computes nothing: it counts launches and sizes arenas by a dry run. */
package io.holdfast.kernels.none;

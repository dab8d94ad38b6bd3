/** Model folders: weights and configuration, in and out, in Hugging Face's layout. */
package io.holdfast.model.io;

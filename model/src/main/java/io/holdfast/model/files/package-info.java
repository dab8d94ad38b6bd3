/** Reading files that may be hostile and writing files that may be interrupted. */
package io.holdfast.model.files;

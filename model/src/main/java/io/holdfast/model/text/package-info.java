/** From text to token ids. */
package io.holdfast.model.text;

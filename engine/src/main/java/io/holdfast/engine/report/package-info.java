/** Comparisons as text, Markdown and a page of HTML with drawings. */
package io.holdfast.engine.report;

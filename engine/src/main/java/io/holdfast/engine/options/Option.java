package io.holdfast.engine.options;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * What a component of a record of options accepts and means. The record is the only list of them:
 * flags, help, JSON and checks are read from it.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Option {

  /** One line for the help. */
  String help();

  /** The default as text; empty: none (a null component). */
  String byDefault() default "";

  double min() default Double.NEGATIVE_INFINITY;

  double max() default Double.POSITIVE_INFINITY;

  /** True: min itself is not allowed. */
  boolean aboveMin() default false;

  /** True: max itself is not allowed. */
  boolean belowMax() default false;

  /** True: a run may be resumed with another value, because it does not change what is computed. */
  boolean free() default false;
}

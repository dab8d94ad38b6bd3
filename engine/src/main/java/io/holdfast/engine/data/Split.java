package io.holdfast.engine.data;

/** The part of a data set that a file holds. */
public enum Split {
  TRAIN,
  DEV,
  TEST
}

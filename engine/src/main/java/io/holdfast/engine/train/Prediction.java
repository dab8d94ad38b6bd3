package io.holdfast.engine.train;

import java.util.List;

/**
 * A model's answer for one example.
 *
 * @param label the most probable class; −1 for regression
 * @param labelName its name; null for regression
 * @param probabilities by class; empty for regression
 * @param value the predicted number; NaN for classification
 */
public record Prediction(int label, String labelName, List<Double> probabilities, double value) {}

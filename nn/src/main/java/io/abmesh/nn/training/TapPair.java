package io.abmesh.nn.training;

import io.abmesh.nn.network.FeatureShape;

/**
 * A student tap and the teacher tap that it learns from.
 *
 * @param studentTap node of the student
 * @param teacherTap name of the teacher's responses in a micro-batch
 * @param teacherShape {@code [C, H, W]} of one sample at the teacher's tap
 */
public record TapPair(String studentTap, String teacherTap, FeatureShape teacherShape) {}

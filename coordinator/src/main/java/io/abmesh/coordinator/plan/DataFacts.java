package io.abmesh.coordinator.plan;

import io.abmesh.data.image.ImageShape;

/**
 * What the data turned out to be.
 *
 * @param shape of the images
 * @param classCount classes
 * @param trainCount training samples after the subset
 * @param testCount test samples after the subset
 */
public record DataFacts(ImageShape shape, int classCount, int trainCount, int testCount) {}

package io.abmesh.teacher.cache;

/**
 * Names one tensor of one view of one sample.
 *
 * @param context model, tensor and data set
 * @param sampleId the sample
 * @param augmentationId its view; equal ids mean equal pixels
 */
public record CacheKey(TensorContext context, long sampleId, long augmentationId) {}

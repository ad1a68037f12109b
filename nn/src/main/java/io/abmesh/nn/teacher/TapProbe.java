package io.abmesh.nn.teacher;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * What running a model once told of its tensors.
 *
 * @param imageShape of the image that it ran on, {@code [C, H, W]}; empty if it ran on none
 * @param shapes of one sample, by tensor
 * @param declared whether the image was of the size that the model declares, or will get
 */
record TapProbe(List<Long> imageShape, Map<String, List<Long>> shapes, boolean declared) {
    /**
     * A place where a network applies an activation.
     *
     * @param name unique in the model
     * @param tensor what enters the activation
     * @param kind of the activation
     * @param residual whether {@code tensor} is a residual sum, or the batch norm of one
     */
    record Place(String name, String tensor, String kind, boolean residual) {}

    /**
     * Runs a model on an image of the size that it declares; if that is open, on the first of
     * {@link ImageShapes#TO_TRY} that it takes.
     *
     * @param inputShape that the model declares
     * @param model shapes of tensors by that of the image
     * @throws TeacherException if it does not run at its own size
     */
    static TapProbe of(List<Long> inputShape, Function<List<Long>, Map<String, List<Long>>> model) {
        if (ImageShapes.declared(inputShape)) {
            List<Long> image = inputShape.subList(1, 4);
            return new TapProbe(image, model.apply(image), true);
        }
        for (List<Long> size : ImageShapes.TO_TRY) {
            List<Long> image = ImageShapes.filled(inputShape, size);
            Optional<Map<String, List<Long>>> shapes = runsAt(model, image);
            if (shapes.isPresent()) {
                return new TapProbe(image, shapes.get(), false);
            }
        }
        return new TapProbe(List.of(), Map.of(), false);
    }

    /**
     * Runs a model on an image of the size of those that it will get.
     *
     * @param inputShape that the model declares
     * @param imageShape {@code [C, H, W]}
     * @param model shapes of tensors by that of the image
     * @throws TeacherException with {@link TeacherException.Reason#TENSOR_SIZE_MISMATCH} if it does
     *     not take such images
     */
    static TapProbe at(
            List<Long> inputShape,
            List<Long> imageShape,
            Function<List<Long>, Map<String, List<Long>>> model) {
        ImageShapes.check(inputShape, imageShape);
        try {
            return new TapProbe(List.copyOf(imageShape), model.apply(imageShape), true);
        } catch (TeacherException e) {
            throw new TeacherException(
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                    "images do not fit the teacher: found=" + imageShape + ", " + e.getMessage(),
                    e);
        }
    }

    /** A classifier behind pooling of a fixed size takes images of one size only. */
    private static Optional<Map<String, List<Long>>> runsAt(
            Function<List<Long>, Map<String, List<Long>>> model, List<Long> image) {
        try {
            return Optional.of(model.apply(image));
        } catch (TeacherException e) {
            return Optional.empty();
        }
    }

    private List<Long> shape(Place place) {
        return shapes.getOrDefault(place.tensor(), List.of());
    }

    /** Rank 2 and 4 are what a boundary can be compared on. */
    private boolean usable(Place place) {
        int rank = shape(place).size();
        return imageShape.isEmpty() || rank == 1 || rank == 3;
    }

    /** Returns those of the places that can be tapped. */
    List<TapCandidate> candidates(List<Place> places) {
        return places.stream()
                .filter(this::usable)
                .map(
                        place ->
                                new TapCandidate(
                                        place.name(),
                                        place.tensor(),
                                        place.kind(),
                                        declared ? shape(place) : List.of()))
                .toList();
    }

    /** Returns the names of those that {@code auto} takes. */
    List<String> autoTaps(List<Place> places) {
        if (imageShape.isEmpty()) {
            return List.of();
        }
        return StageTaps.choose(
                places.stream()
                        .filter(this::usable)
                        .map(
                                place ->
                                        new StageTaps.Place(
                                                place.name(), shape(place), place.residual()))
                        .toList(),
                imageShape.get(1),
                imageShape.get(2));
    }

    /** Returns the width of a dense tensor, 0 of any other. */
    int width(String tensor) {
        List<Long> shape = shapes.getOrDefault(tensor, List.of());
        return shape.size() == 1 ? Math.toIntExact(shape.get(0)) : 0;
    }
}

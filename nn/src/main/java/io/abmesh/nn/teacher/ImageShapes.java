package io.abmesh.nn.teacher;

import java.util.ArrayList;
import java.util.List;

/** Image sizes against what a model declares, {@code [N, C, H, W]} with -1 where it is free. */
final class ImageShapes {
    /** What a model declares where it takes any size. */
    static final long FREE = -1;

    /** Images to try, largest first, on a model that leaves its size open. */
    static final List<List<Long>> TO_TRY =
            List.of(
                    List.of(3L, 224L, 224L),
                    List.of(3L, 64L, 64L),
                    List.of(3L, 32L, 32L),
                    List.of(3L, 28L, 28L));

    private ImageShapes() {}

    /** Returns whether the model leaves nothing of {@code C, H, W} open. */
    static boolean declared(List<Long> inputShape) {
        return inputShape.subList(1, 4).stream().noneMatch(size -> size == FREE);
    }

    /** Returns the declared {@code [C, H, W]}, with the image's sizes where it is open. */
    static List<Long> filled(List<Long> inputShape, List<Long> image) {
        List<Long> filled = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            long size = inputShape.get(i + 1);
            filled.add(size == FREE ? image.get(i) : size);
        }
        return filled;
    }

    /**
     * @throws TeacherException with {@link TeacherException.Reason#TENSOR_SIZE_MISMATCH} if the
     *     model does not take such images
     */
    static void check(List<Long> inputShape, List<Long> imageShape) {
        List<Long> taken = inputShape.subList(1, 4);
        boolean fits = imageShape.size() == 3;
        for (int i = 0; fits && i < 3; i++) {
            long size = taken.get(i);
            fits = imageShape.get(i) > 0 && (size == FREE || size == imageShape.get(i));
        }
        if (!fits) {
            throw new TeacherException(
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                    "images do not fit the teacher: found="
                            + imageShape
                            + ", expected="
                            + taken
                            + " (-1: any)");
        }
    }
}

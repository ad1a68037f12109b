package io.abmesh.nn.teacher;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The rule of {@code taps: auto}: the response that ends each stage of a network.
 *
 * <p>Activations are grouped by the resolution {@code H x W} of the tensor that enters them. Of
 * each resolution it takes
 *
 * <ol>
 *   <li>the last one that follows a residual sum, directly or through a batch norm, if there is
 *       one. In a ResNet that is the stage's final ReLU, also where the next stage's first
 *       convolutions still run at the old resolution (bottlenecks with the stride in the middle);
 *       in a pre-activation network (WRN) it is the next block's first ReLU, or the network's last;
 *   <li>else the last one. In VGG and MobileNet v1 that ends the stage, in MobileNetV2 it is the
 *       first expansion of the next stage.
 * </ol>
 *
 * <p>Left out: dense activations and a resolution of 1 x 1 (after global pooling, squeeze and
 * excitation); and the resolution of the first activation where it is already lower than the
 * image's and at least two others follow, since it belongs to a strided stem (the 112 x 112 of
 * ResNet-50 and the MobileNets), not to a stage.
 *
 * <p>A network without feature maps has no stages: of a multi-layer perceptron it takes every
 * response, dense or of one position, of a transformer its token output.
 */
final class StageTaps {
    /** A candidate with what the rule needs to know of it. */
    record Place(String name, List<Long> sampleShape, boolean residual) {}

    private record Resolution(long rows, long columns) {}

    private StageTaps() {}

    /**
     * Chooses taps.
     *
     * @param places candidates in the order of evaluation, with {@code [C, H, W]} or {@code [D]}
     * @param rows rows of the image
     * @param columns columns of the image
     * @return names, in the order of evaluation
     */
    static List<String> choose(List<Place> places, long rows, long columns) {
        Map<Resolution, Place> chosen = new LinkedHashMap<>();
        for (Place place : places) {
            if (place.sampleShape().size() != 3) {
                continue;
            }
            Resolution resolution =
                    new Resolution(place.sampleShape().get(1), place.sampleShape().get(2));
            if (resolution.rows() == 1 && resolution.columns() == 1) {
                continue;
            }
            Place former = chosen.get(resolution);
            if (former == null || place.residual() || !former.residual()) {
                chosen.put(resolution, place);
            }
        }
        List<Resolution> resolutions = new ArrayList<>(chosen.keySet());
        if (resolutions.size() > 2 && !resolutions.get(0).equals(new Resolution(rows, columns))) {
            chosen.remove(resolutions.get(0));
        }
        if (chosen.isEmpty()) {
            return places.stream()
                    .filter(place -> !place.sampleShape().isEmpty())
                    .map(Place::name)
                    .toList();
        }
        List<String> names = chosen.values().stream().map(Place::name).toList();
        return places.stream().map(Place::name).filter(names::contains).toList();
    }
}

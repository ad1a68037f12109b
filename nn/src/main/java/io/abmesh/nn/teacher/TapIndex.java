package io.abmesh.nn.teacher;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The taps of a model by the names that a plan may write for them. */
final class TapIndex {
    private final Map<String, TapCandidate> byName = new LinkedHashMap<>();

    /**
     * Activation nodes win over tensors; of activations that share an input the first answers to
     * the tensor's name.
     */
    TapIndex(List<TapCandidate> taps) {
        taps.forEach(tap -> byName.put(tap.name(), tap));
        taps.forEach(tap -> byName.putIfAbsent(tap.tensor(), tap));
    }

    TapCandidate resolve(String source) {
        TapCandidate tap = byName.get(source);
        if (tap != null) {
            return tap;
        }
        List<String> near = NearNames.of(source, new ArrayList<>(byName.keySet()));
        throw new TeacherException(
                TeacherException.Reason.TAP_NOT_FOUND,
                "no such tap: found="
                        + source
                        + ", expected=an activation of the model, nearest="
                        + near,
                Map.of("tap", source, "near", String.join(", ", near)),
                null);
    }

    List<TapCandidate> resolveAll(List<String> sources) {
        Set<String> seen = new HashSet<>();
        for (String source : sources) {
            if (!seen.add(source)) {
                throw new IllegalArgumentException("tap asked for twice: found=" + source);
            }
        }
        return sources.stream().map(this::resolve).toList();
    }
}

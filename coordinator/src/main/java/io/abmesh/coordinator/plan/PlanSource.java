package io.abmesh.coordinator.plan;

import java.util.Map;

/** Where each value of a plan stands in what the user wrote. */
public final class PlanSource {
    /** A place in the file, from 1; line 0 for a value given by {@code --set}. */
    record Place(int line, int column) {
        static final Place OVERRIDE = new Place(0, 0);
    }

    private final Map<String, Place> places;

    PlanSource(Map<String, Place> places) {
        this.places = Map.copyOf(places);
    }

    /** Returns whether the user wrote a value at that path. */
    boolean wrote(String path) {
        return places.containsKey(path);
    }

    /** Returns a problem at a path, placed where the nearest written ancestor stands. */
    PlanProblem problem(String path, String message) {
        String at = path;
        while (!at.isEmpty() && !places.containsKey(at)) {
            at = parent(at);
        }
        Place place = places.getOrDefault(at, new Place(1, 1));
        return new PlanProblem(path, place.line(), place.column(), message);
    }

    private static String parent(String path) {
        int cut = Math.max(path.lastIndexOf('.'), path.lastIndexOf('['));
        return cut < 0 ? "" : path.substring(0, cut);
    }
}

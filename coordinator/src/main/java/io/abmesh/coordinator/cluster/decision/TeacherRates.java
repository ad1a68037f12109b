package io.abmesh.coordinator.cluster.decision;

/**
 * What was measured of a run over its last steps.
 *
 * @param demand images a second that the students would take from teachers if they never waited; 0
 *     or more
 * @param perTeacher images a second of one teacher while it computes; more than 0
 */
public record TeacherRates(double demand, double perTeacher) {
    public TeacherRates {
        if (!(demand >= 0) || !(perTeacher > 0) || !Double.isFinite(demand)) {
            throw new IllegalArgumentException(
                    "not rates: demand=" + demand + ", perTeacher=" + perTeacher);
        }
    }
}

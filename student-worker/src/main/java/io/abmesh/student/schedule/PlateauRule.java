package io.abmesh.student.schedule;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.SchedulePlan;
import java.util.Map;
import java.util.Optional;

/**
 * When a rate falls with the loss.
 *
 * @param factor of the rate at each fall, in (0, 1)
 * @param patience epochs without a lower loss before a fall, at least 1
 * @param epochs planned length of the phase, positive; may be fractional
 */
public record PlateauRule(double factor, int patience, double epochs) {
    public PlateauRule {
        if (!(factor > 0 && factor < 1)) {
            throw invalid("factor of the plateau", Double.toString(factor), "in (0, 1)");
        }
        if (patience < 1) {
            throw invalid("epochs of the plateau", Integer.toString(patience), "1 or more");
        }
    }

    /**
     * Returns the rule of a phase whose schedule is one.
     *
     * @throws MeshException INVALID_PLAN if it is out of range
     */
    public static Optional<PlateauRule> of(PhasePlan phase) {
        SchedulePlan schedule = phase.getSchedule();
        return schedule.getKind() == ScheduleKind.SCHEDULE_KIND_PLATEAU
                ? Optional.of(
                        new PlateauRule(
                                schedule.getFactor(),
                                schedule.getPlateauEpochs(),
                                phase.getEpochs()))
                : Optional.empty();
    }

    private static MeshException invalid(String what, String found, String expected) {
        return new MeshException(
                ErrorReason.INVALID_PLAN,
                what + ": found=" + found + ", expected=" + expected,
                Map.of("found", found));
    }
}

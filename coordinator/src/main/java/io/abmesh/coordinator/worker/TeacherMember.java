package io.abmesh.coordinator.worker;

import java.util.Optional;

/**
 * A teacher-worker that joined.
 *
 * @param number of the membership; a worker that joins again gets another
 * @param workerId its name
 * @param address of its services, {@code host:port}
 * @param modelSha256 digest of its model
 * @param run request of the run that it is for; empty: it is lent to one that needs it
 */
public record TeacherMember(
        long number, String workerId, String address, String modelSha256, Optional<String> run) {}

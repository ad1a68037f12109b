package io.abmesh.proto.transport;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostPortTest {
    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, 127.0.0.1:7001",
        "teacher-0.mesh, teacher-0.mesh:7001",
        "::1, [::1]:7001",
        "[::1], [::1]:7001"
    })
    void anAddressOfIpv6StandsInBrackets(String host, String address) {
        assertThat(HostPort.of(host, 7001)).isEqualTo(address);
    }
}

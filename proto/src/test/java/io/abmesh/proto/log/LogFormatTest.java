package io.abmesh.proto.log;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.MeshException;
import org.junit.jupiter.api.Test;

class LogFormatTest {
    @Test
    void linesAreForPeopleOrForPrograms() {
        assertThatCode(() -> LogFormat.require("text")).doesNotThrowAnyException();
        assertThatCode(() -> LogFormat.require("json")).doesNotThrowAnyException();
    }

    @Test
    void anotherFormIsRefusedByName() {
        assertThatThrownBy(() -> LogFormat.require("xml"))
                .isInstanceOf(MeshException.class)
                .hasMessage("abmesh.log.format: found=xml, expected=text or json");
    }
}

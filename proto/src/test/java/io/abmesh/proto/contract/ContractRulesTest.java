package io.abmesh.proto.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.ClusterRun;
import io.abmesh.proto.v1.ExchangeRequest;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.Study;
import io.abmesh.proto.v1.TensorFrame;
import io.abmesh.proto.v1.WorkRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The rules of buf's STANDARD and COMMENTS that matter here, so that a build without buf has the
 * gate.
 */
class ContractRulesTest {
    private static final Path SOURCES = Path.of("src", "main", "proto", "abmesh", "v1");
    private static final Pattern DECLARATION =
            Pattern.compile(
                    "^\\s*(service|rpc|message|enum|oneof)\\s+\\w+.*|^\\s*(repeated |optional )?[\\w.<>, ]+\\s+\\w+ = \\d+;.*");
    private static final Pattern ERRORS = Pattern.compile("Errors: (.*?)\\.(?: |$)");
    private static final Pattern REASON = Pattern.compile("\\b[A-Z]+(?:_[A-Z]+)+\\b");

    @Test
    void everyElementIsCommented() throws IOException {
        List<String> bare = new ArrayList<>();
        for (Path source : sources()) {
            List<String> lines = Files.readAllLines(source);
            for (int i = 0; i < lines.size(); i++) {
                boolean declares =
                        DECLARATION.matcher(lines.get(i)).matches()
                                && !lines.get(i).startsWith("option ")
                                && !lines.get(i).startsWith("syntax ");
                if (declares && !lines.get(i - 1).strip().startsWith("//")) {
                    bare.add(source.getFileName() + ":" + (i + 1) + ": " + lines.get(i).strip());
                }
            }
        }
        assertThat(bare).isEmpty();
    }

    @Test
    void everyRpcSaysWhichErrorsItHasAndTheyAreInTheCatalogue() throws IOException {
        int rpcs = 0;
        for (Path source : sources()) {
            StringBuilder comment = new StringBuilder();
            for (String line : Files.readAllLines(source)) {
                String text = line.strip();
                if (text.startsWith("//")) {
                    comment.append(text.substring(2).strip()).append(' ');
                } else {
                    if (text.startsWith("rpc ")) {
                        rpcs++;
                        Matcher errors = ERRORS.matcher(comment);
                        assertThat(errors.find()).as(text).isTrue();
                        Matcher reason = REASON.matcher(errors.group(1));
                        while (reason.find()) {
                            assertThat(ErrorReason.byName(reason.group()))
                                    .as(text + ": " + reason.group())
                                    .isPresent();
                        }
                    }
                    comment.setLength(0);
                }
            }
        }
        assertThat(rpcs).isGreaterThanOrEqualTo(20);
    }

    @Test
    void enumsBeginUnspecifiedAndCarryTheirPrefix() {
        for (FileDescriptor file : files()) {
            for (EnumDescriptor type : file.getEnumTypes()) {
                String prefix = upperSnake(type.getName()) + "_";
                assertThat(type.getValues().get(0).getName()).isEqualTo(prefix + "UNSPECIFIED");
                assertThat(type.getValues().get(0).getNumber()).isZero();
                for (EnumValueDescriptor value : type.getValues()) {
                    assertThat(value.getName()).startsWith(prefix);
                }
            }
        }
    }

    @Test
    void requestsAndResponsesAreOfOneRpcAndNamedAfterIt() {
        Set<String> seen = new HashSet<>();
        for (FileDescriptor file : files()) {
            for (ServiceDescriptor service : file.getServices()) {
                assertThat(service.getName()).endsWith("Service");
                for (MethodDescriptor method : service.getMethods()) {
                    String request = method.getInputType().getName();
                    String response = method.getOutputType().getName();
                    assertThat(request).isEqualTo(method.getName() + "Request");
                    assertThat(response).isEqualTo(method.getName() + "Response");
                    assertThat(seen.add(request)).as(request).isTrue();
                    assertThat(seen.add(response)).as(response).isTrue();
                }
            }
        }
        assertThat(seen).isNotEmpty();
    }

    @Test
    void fieldsAreNamedAndTypedAsTheHouseDoes() {
        for (FileDescriptor file : files()) {
            assertThat(file.getPackage()).isEqualTo("abmesh.v1");
            assertThat(file.getOptions().getJavaPackage()).isEqualTo("io.abmesh.proto.v1");
            assertThat(file.getOptions().getJavaMultipleFiles()).isTrue();
            file.getMessageTypes().forEach(ContractRulesTest::checkFields);
        }
    }

    private static void checkFields(Descriptor message) {
        for (FieldDescriptor field : message.getFields()) {
            assertThat(field.getName())
                    .as(field.getFullName())
                    .matches("[a-z][a-z0-9]*(_[a-z0-9]+)*");
            switch (field.getType()) {
                case UINT32, UINT64, FIXED64, SINT32, SINT64, GROUP ->
                        throw new AssertionError("no such type in the contract: " + field);
                case FIXED32 -> assertThat(field.getName()).isEqualTo("crc32c");
                case MESSAGE ->
                        assertThat(field.getMessageType().getFullName())
                                .isNotEqualTo("google.protobuf.Any");
                default -> {}
            }
        }
        message.getNestedTypes().stream()
                .filter(nested -> !nested.getOptions().getMapEntry())
                .forEach(ContractRulesTest::checkFields);
    }

    private static List<FileDescriptor> files() {
        return Stream.of(
                        TensorFrame.getDescriptor(),
                        FetchBatchRequest.getDescriptor(),
                        Run.getDescriptor(),
                        JoinMeshRequest.getDescriptor(),
                        BatchHeader.getDescriptor(),
                        ClusterRun.getDescriptor(),
                        WorkRequest.getDescriptor(),
                        ExchangeRequest.getDescriptor(),
                        Plan.getDescriptor(),
                        Study.getDescriptor())
                .map(Descriptor::getFile)
                .toList();
    }

    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            List<Path> sources = files.sorted().toList();
            assertThat(sources).hasSize(files().size());
            return sources;
        }
    }

    private static String upperSnake(String camel) {
        return camel.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toUpperCase(Locale.ROOT);
    }
}

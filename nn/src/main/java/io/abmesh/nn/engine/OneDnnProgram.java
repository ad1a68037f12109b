package io.abmesh.nn.engine;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.dnnl.stream;

/** Calls of oneDNN in a fixed order, with the memory of each: laid out once, run often. */
final class OneDnnProgram {
    private final OneDnnArena arena;
    private final dnnl_stream stream;
    private final List<Runnable> steps = new ArrayList<>();

    /** A tensor in one of the roles that a primitive knows, {@code DNNL_ARG_*}. */
    record Argument(int role, OneDnnTensor tensor) {}

    OneDnnProgram(OneDnnArena arena) {
        this.arena = arena;
        this.stream = arena.own(arena.own(new stream(arena.library().processor())).get());
    }

    static Argument argument(int role, OneDnnTensor tensor) {
        return new Argument(role, tensor);
    }

    /** Appends a call. */
    void call(primitive operation, Argument... arguments) {
        dnnl_primitive handle = arena.own(arena.own(operation).get());
        dnnl_exec_arg_t array = arena.own(new dnnl_exec_arg_t(arguments.length));
        for (int i = 0; i < arguments.length; i++) {
            array.position(i)
                    .arg(arguments[i].role())
                    .memory(arguments[i].tensor().contents().get());
        }
        array.position(0);
        steps.add(
                () -> {
                    int status =
                            dnnl.dnnl_primitive_execute(handle, stream, arguments.length, array);
                    if (status != dnnl.dnnl_success) {
                        throw new IllegalStateException("oneDNN refused a call: status=" + status);
                    }
                });
    }

    /** Appends a copy from one layout to another. */
    void copy(OneDnnTensor from, OneDnnTensor to) {
        call(
                new reorder(from.contents(), to.contents()),
                argument(dnnl.DNNL_ARG_FROM, from),
                argument(dnnl.DNNL_ARG_TO, to));
    }

    /** Appends what Java does between two calls. */
    void then(Runnable step) {
        steps.add(step);
    }

    void run() {
        steps.forEach(Runnable::run);
    }
}

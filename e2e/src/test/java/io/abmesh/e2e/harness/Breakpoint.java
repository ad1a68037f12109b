package io.abmesh.e2e.harness;

import com.sun.jdi.Bootstrap;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.AttachingConnector;
import com.sun.jdi.connect.Connector.Argument;
import com.sun.jdi.connect.IllegalConnectorArgumentsException;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes one thread of a running service hang where a debugger's breakpoint stops it, while
 * everything else of the process goes on, its heartbeats among it. The thread goes on once this is
 * closed.
 */
public final class Breakpoint implements AutoCloseable {
    /** Variable in the environment of a service that is to be stopped. */
    public static final Map<String, String> ENVIRONMENT =
            Map.of(
                    "JAVA_TOOL_OPTIONS",
                    "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0");

    private static final Pattern PORT =
            Pattern.compile("Listening for transport dt_socket at address: ([0-9]+)");

    private final VirtualMachine process;
    private final String type;
    private final String method;
    private final CompletableFuture<Breakpoint> reached = new CompletableFuture<>();

    private Breakpoint(VirtualMachine process, String type, String method) {
        this.process = process;
        this.type = type;
        this.method = method;
    }

    /**
     * Stops whichever thread comes to the beginning of a method first.
     *
     * @param log of the service, which tells where it can be stopped
     * @param type full name of the method's class
     */
    public static Breakpoint at(Path log, String type, String method) throws IOException {
        Breakpoint breakpoint = new Breakpoint(attach(port(log)), type, method);
        breakpoint.set();
        Thread events = new Thread(breakpoint::watch, "breakpoint-events");
        events.setDaemon(true);
        events.start();
        return breakpoint;
    }

    private static String port(Path log) throws IOException {
        Matcher port = PORT.matcher(Files.readString(log));
        if (!port.find()) {
            throw new AssertionError("no debugger's port in " + log);
        }
        return port.group(1);
    }

    private static VirtualMachine attach(String port) throws IOException {
        AttachingConnector sockets =
                Bootstrap.virtualMachineManager().attachingConnectors().stream()
                        .filter(connector -> connector.transport().name().equals("dt_socket"))
                        .findFirst()
                        .orElseThrow();
        Map<String, Argument> arguments = sockets.defaultArguments();
        arguments.get("hostname").setValue("127.0.0.1");
        arguments.get("port").setValue(port);
        try {
            return sockets.attach(arguments);
        } catch (IllegalConnectorArgumentsException e) {
            throw new IllegalStateException(e);
        }
    }

    private void set() {
        ClassPrepareRequest loaded = process.eventRequestManager().createClassPrepareRequest();
        loaded.addClassFilter(type);
        loaded.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        loaded.enable();
        process.classesByName(type).forEach(this::set);
    }

    private void set(ReferenceType of) {
        BreakpointRequest stop =
                process.eventRequestManager()
                        .createBreakpointRequest(of.methodsByName(method).get(0).location());
        stop.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        stop.enable();
    }

    private void watch() {
        try {
            while (true) {
                EventSet events = process.eventQueue().remove();
                boolean stops = false;
                for (Event event : events) {
                    if (event instanceof ClassPrepareEvent loaded) {
                        set(loaded.referenceType());
                    }
                    stops |= event instanceof BreakpointEvent;
                }
                if (stops) {
                    reached.complete(this);
                } else {
                    events.resume();
                }
            }
        } catch (VMDisconnectedException | InterruptedException e) {
            // The process has ended, or nobody wants it stopped any more.
        }
    }

    /** Completes, with this, when a thread has stopped. */
    public CompletableFuture<Breakpoint> reached() {
        return reached;
    }

    @Override
    public void close() {
        try {
            process.dispose();
        } catch (VMDisconnectedException e) {
            // The process has ended.
        }
    }
}

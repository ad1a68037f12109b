package io.abmesh.student.exchange;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/** A network between two students, with the trouble that it is told to make. */
final class TestingProxy implements AutoCloseable {
    private static final int BUFFER = 16 << 10;

    private final ServerSocket listening;
    private final InetSocketAddress target;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicLong spoilAfter = new AtomicLong(Long.MAX_VALUE);
    private volatile Duration delay = Duration.ZERO;

    TestingProxy(String address) {
        try {
            String[] parts = address.split(":", -1);
            target = new InetSocketAddress(parts[0], Integer.parseInt(parts[1]));
            listening = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.execute(this::accept);
    }

    String address() {
        return "127.0.0.1:" + listening.getLocalPort();
    }

    /** Holds every 16 KiB back for so long. */
    void slow(Duration each) {
        delay = each;
    }

    /** Flips a bit once, after so many bytes. */
    void spoilAfter(long bytes) {
        spoilAfter.set(bytes);
    }

    /** Breaks every connection; new ones may come. */
    void cut() {
        sockets.forEach(TestingProxy::close);
        sockets.clear();
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket here = listening.accept();
                Socket there = new Socket(target.getAddress(), target.getPort());
                sockets.add(here);
                sockets.add(there);
                threads.execute(() -> pass(here, there, true));
                threads.execute(() -> pass(there, here, false));
            } catch (IOException e) {
                // Closed.
            }
        }
    }

    private void pass(Socket from, Socket to, boolean spoils) {
        byte[] bytes = new byte[BUFFER];
        try {
            InputStream input = from.getInputStream();
            OutputStream output = to.getOutputStream();
            for (int read = input.read(bytes); read >= 0; read = input.read(bytes)) {
                LockSupport.parkNanos(delay.toNanos());
                if (spoils && spoilAfter.addAndGet(-read) < 0) {
                    bytes[read / 2] ^= 1;
                    spoilAfter.set(Long.MAX_VALUE);
                }
                output.write(bytes, 0, read);
            }
        } catch (IOException e) {
            // Cut.
        } finally {
            close(from);
            close(to);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            listening.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        cut();
        threads.shutdownNow();
    }
}

package io.abmesh.objects;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands before a server and breaks connections off that have carried many bytes back. */
final class CuttingProxy implements AutoCloseable {
    private final ServerSocket listener;
    private final URI target;
    private final int limitBytes;
    private final AtomicInteger cutsLeft;

    private CuttingProxy(ServerSocket listener, URI target, int limitBytes, int cuts) {
        this.listener = listener;
        this.target = target;
        this.limitBytes = limitBytes;
        this.cutsLeft = new AtomicInteger(cuts);
    }

    /**
     * Starts a proxy.
     *
     * @param limitBytes of responses on one connection
     * @param cuts connections that are broken off; later ones are not
     */
    static CuttingProxy start(URI target, int limitBytes, int cuts) throws IOException {
        CuttingProxy proxy =
                new CuttingProxy(
                        new ServerSocket(0, 16, InetAddress.getLoopbackAddress()),
                        target,
                        limitBytes,
                        cuts);
        begin("proxy-accept", proxy::accept);
        return proxy;
    }

    URI endpoint() {
        return URI.create("http://127.0.0.1:" + listener.getLocalPort());
    }

    int cutsLeft() {
        return cutsLeft.get();
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listener.accept();
                Socket server = new Socket(target.getHost(), target.getPort());
                begin("proxy-forth", () -> forth(client, server));
                begin("proxy-back", () -> back(server, client));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private static void forth(Socket client, Socket server) {
        try (client;
                server) {
            client.getInputStream().transferTo(server.getOutputStream());
        } catch (IOException e) {
            // one of them has gone
        }
    }

    private void back(Socket server, Socket client) {
        try (client;
                server) {
            InputStream in = server.getInputStream();
            OutputStream out = client.getOutputStream();
            byte[] buffer = new byte[4096];
            int total = 0;
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                total += read;
                if (total > limitBytes && cutsLeft.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
                    return;
                }
                out.write(buffer, 0, read);
            }
        } catch (IOException e) {
            // one of them has gone
        }
    }

    private static void begin(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}

package argo.launcher;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;

/** Listens on ARGO_LISTEN; a thread for each connection, so that runs on several connections overlap. */
public final class Main {
    private static final int BACKLOG = 512;
    private static final String DEFAULT_ADDRESS = "tcp:0.0.0.0:8080";

    private Main() {
    }

    /** @param args {@code --train JAR CLASS}: serve a few requests of its own and end, for the archive of classes */
    public static void main(String[] args) throws Exception {
        if (args.length == 3 && args[0].equals("--train")) {
            Training.run(Path.of(args[1]), args[2]);
            return;
        }
        String address = System.getenv("ARGO_LISTEN");
        serve(listen(address == null ? DEFAULT_ADDRESS : address), new Launcher()::route);
    }

    static ServerSocketChannel listen(String address) throws IOException {
        int colon = address.indexOf(':');
        String rest = address.substring(colon + 1);
        switch (address.substring(0, Math.max(colon, 0))) {
            case "unix": {
                Path path = Path.of(rest);
                Path made = Path.of(rest + ".new");
                Files.deleteIfExists(made);
                ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                server.bind(UnixDomainSocketAddress.of(made), BACKLOG);
                // The agent may be another user; the folder guards the socket. It shows itself once it is open to all.
                Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-rw-rw-"));
                Files.move(made, path, StandardCopyOption.REPLACE_EXISTING);
                return server;
            }
            case "tcp": {
                int last = rest.lastIndexOf(':');
                int port = Integer.parseInt(rest.substring(last + 1));
                return ServerSocketChannel.open().bind(new InetSocketAddress(rest.substring(0, last), port), BACKLOG);
            }
            default:
                throw new IllegalArgumentException("ARGO_LISTEN must be unix:PATH or tcp:HOST:PORT, not " + address);
        }
    }

    static void serve(ServerSocketChannel server, HttpConnection.Route route) throws IOException {
        while (true) {
            SocketChannel channel = server.accept();
            SocketAddress local = channel.getLocalAddress();
            if (local instanceof InetSocketAddress) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
            Thread thread = new Thread(new HttpConnection(channel, route)::serve, "connection");
            thread.setDaemon(true);
            thread.start();
        }
    }
}

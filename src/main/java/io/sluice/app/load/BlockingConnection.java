package io.sluice.app.load;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/**
 * A connection that is read and written by threads that wait for it: one wake-up between the
 * server's bytes and the clock, the least a client can add to a latency.
 */
final class BlockingConnection implements Closeable {

  private final SocketChannel channel;
  private final Inbound inbound = new Inbound();

  BlockingConnection(Endpoint server) throws IOException {
    channel = SocketChannel.open(server.address());
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
  }

  void write(byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  /** Waits for bytes. False at the end of the stream. */
  boolean read(java.util.function.Consumer<Inbound> parser) throws IOException {
    byte[] bytes = inbound.room(16 << 10);
    int count = channel.read(ByteBuffer.wrap(bytes, inbound.end(), bytes.length - inbound.end()));
    if (count < 0) {
      return false;
    }
    inbound.add(count);
    parser.accept(inbound);
    return true;
  }

  /** Upgrades to a WebSocket; blocks until the server has agreed. */
  void upgrade(Endpoint server, String path, String subprotocol) throws IOException {
    write(
        WebSocketConnection.upgrade(server, path, subprotocol).getBytes(StandardCharsets.US_ASCII));
    int[] status = new int[1];
    HttpResponses answer = new HttpResponses((code, bytes, from, to) -> status[0] = code);
    while (status[0] == 0 && read(answer::parse)) {
      // Each round reads what has come.
    }
    if (status[0] != 101) {
      throw new IOException("the server answered the upgrade with " + status[0]);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}

package io.sluice.remoting;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A blocking client that writes any bytes and reads frames. */
final class RawClient implements AutoCloseable {

  private static final int TIMEOUT_MS = 10_000;

  private final Socket socket;
  private final DataInputStream in;

  RawClient(int port) throws IOException {
    socket = new Socket("127.0.0.1", port);
    socket.setSoTimeout(TIMEOUT_MS);
    in = new DataInputStream(socket.getInputStream());
  }

  void write(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  /** Reads one frame. */
  Command read() throws IOException {
    int total = in.readInt();
    byte[] frame = new byte[total];
    in.readFully(frame);
    Command[] found = new Command[1];
    byte[] whole = ByteBuffer.allocate(total + 4).putInt(total).put(frame).array();
    new FrameDecoder(16 << 20).feed(whole, 0, whole.length, command -> found[0] = command);
    return found[0];
  }

  Command call(byte[] frame) throws IOException {
    write(frame);
    return read();
  }

  /** Whether the server has closed the connection, with nothing more to read. */
  boolean isClosedByServer() throws IOException {
    try {
      return in.read() < 0;
    } catch (java.net.SocketException reset) {
      return true;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  static byte[] json(int code, int opaque, int flag, ExtFields fields, byte[] body) {
    JsonWriter header = new JsonWriter();
    HeaderCodec.writeJson(header, code, opaque, flag, null, fields);
    return frame(HeaderCodec.TYPE_JSON, header.toByteArray(), body);
  }

  static byte[] json(String header) {
    return frame(HeaderCodec.TYPE_JSON, header.getBytes(StandardCharsets.UTF_8), new byte[0]);
  }

  static byte[] binary(int code, int opaque, int flag, ExtFields fields, byte[] body) {
    return frame(
        HeaderCodec.TYPE_BINARY, HeaderCodec.binary(code, opaque, flag, null, fields), body);
  }

  private static byte[] frame(int type, byte[] header, byte[] body) {
    return ByteBuffer.allocate(8 + header.length + body.length)
        .putInt(4 + header.length + body.length)
        .putInt(type << 24 | header.length)
        .put(header)
        .put(body)
        .array();
  }
}

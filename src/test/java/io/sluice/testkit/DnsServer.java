package io.sluice.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** A DNS server on loopback that knows the IPv4 addresses of some names (RFC 1035, over UDP). */
public final class DnsServer implements AutoCloseable {

  private static final int HEADER_BYTES = 12;
  private static final int TYPE_AND_CLASS_BYTES = 4;
  private static final int TYPE_A = 1;
  private static final int CLASS_IN = 1;

  /** An answer, with authority, to who may ask it to ask others. */
  private static final int ANSWER = 0x8580;

  private static final int NO_SUCH_NAME = 3;

  /** The name of a record is that of the question. */
  private static final int NAME_OF_QUESTION = 0xC000 | HEADER_BYTES;

  private final DatagramSocket socket =
      new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  private final Map<String, List<String>> names = new ConcurrentHashMap<>();
  private final AtomicInteger asked = new AtomicInteger();

  /** Answers at any free port; knows no name yet. */
  public DnsServer() throws SocketException {
    Thread thread = new Thread(this::answerAll, "dns");
    thread.setDaemon(true);
    thread.start();
  }

  /** {@code host:port} of it. */
  public String address() {
    return socket.getLocalAddress().getHostAddress() + ":" + socket.getLocalPort();
  }

  /** Gives a name these addresses, in place of those it had. */
  public void put(String name, List<String> addresses) {
    names.put(name, List.copyOf(addresses));
  }

  /** How many questions came so far. */
  public int asked() {
    return asked.get();
  }

  private void answerAll() {
    byte[] bytes = new byte[512];
    try {
      while (true) {
        DatagramPacket question = new DatagramPacket(bytes, bytes.length);
        socket.receive(question);
        asked.incrementAndGet();
        byte[] answer = answer(ByteBuffer.wrap(bytes, 0, question.getLength()));
        socket.send(new DatagramPacket(answer, answer.length, question.getSocketAddress()));
      }
    } catch (IOException closed) {
      // The end of the test.
    }
  }

  private byte[] answer(ByteBuffer question) throws IOException {
    short id = question.getShort();
    question.position(HEADER_BYTES);
    String name = name(question);
    int type = question.getShort(question.position());
    byte[] asked = new byte[question.position() + TYPE_AND_CLASS_BYTES - HEADER_BYTES];
    question.get(HEADER_BYTES, asked);
    List<String> known = names.get(name);
    List<String> addresses = known == null || type != TYPE_A ? List.of() : known;
    ByteBuffer out = ByteBuffer.allocate(512);
    out.putShort(id).putShort((short) (known == null ? ANSWER | NO_SUCH_NAME : ANSWER));
    out.putShort((short) 1).putShort((short) addresses.size()).putInt(0).put(asked);
    for (String address : addresses) {
      out.putShort((short) NAME_OF_QUESTION).putShort((short) TYPE_A).putShort((short) CLASS_IN);
      out.putInt(0).putShort((short) 4).put(InetAddress.getByName(address).getAddress());
    }
    byte[] bytes = new byte[out.position()];
    out.get(0, bytes);
    return bytes;
  }

  private static String name(ByteBuffer question) {
    ByteArrayOutputStream name = new ByteArrayOutputStream();
    for (int length = question.get(); length > 0; length = question.get()) {
      if (name.size() > 0) {
        name.write('.');
      }
      for (int i = 0; i < length; i++) {
        name.write(question.get());
      }
    }
    return name.toString(StandardCharsets.US_ASCII).toLowerCase(Locale.ROOT);
  }

  @Override
  public void close() {
    socket.close();
  }
}

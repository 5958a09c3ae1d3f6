package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that send too much, too slowly or nothing, and clients that do not read. */
class BadLuckTest extends GatewayTestBase {

  /** More than the kernel keeps of both directions of a connection while nobody reads. */
  private static final long KERNEL_BYTES = 32L << 20;

  private static final int TEXT = 1;
  private static final int PING = 9;
  private static final String UPGRADE =
      "GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
          + "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

  @Override
  GatewayOptions options() {
    return new GatewayOptions()
        .host("127.0.0.1")
        .port(0)
        .maxMessageBytes(64 << 10)
        .maxFrameBytes(128 << 10)
        .maxInFlightBytes(4 << 20)
        .maxSockets(3)
        .maxSubscriptions(2)
        .firstRequestTimeout(Duration.ofMillis(1_500))
        .idleTimeout(Duration.ofMillis(600))
        .pingInterval(Duration.ofMillis(200))
        .socketTimeout(Duration.ofMillis(900))
        .stallTimeout(Duration.ofMillis(900))
        .commentInterval(Duration.ofMillis(100))
        .drainTimeout(Duration.ofMillis(400));
  }

  @Test
  void shouldRefuseABodyOverTheLimit() throws Exception {
    Buffer large = Buffer.buffer(new byte[(64 << 10) + 1]);
    call(http, HttpMethod.POST, "/v1/topics/t/messages", large)
        .isProblem(413, "MESSAGE_TOO_LARGE", "65537", "65536", "less");
    call(http, HttpMethod.POST, "/v1/topics/t/messages", Buffer.buffer(new byte[64 << 10])).is(201);
    String item = "{\"body\":\"" + "x".repeat(70 << 10) + "\"}";
    JsonObject result =
        post("/v1/topics/t/messages", item, "Content-Type", "application/x-ndjson")
            .is(200)
            .json()
            .getJsonArray("results")
            .getJsonObject(0);
    assertEquals("MESSAGE_TOO_LARGE", result.getJsonObject("error").getString("code"));
    // Without a length, and refused before it is whole.
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(
          socket,
          "POST /v1/topics/t/messages HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
      String chunk = "8000\r\n" + "x".repeat(0x8000) + "\r\n";
      write(socket, chunk + chunk + chunk);
      assertTrue(readAll(socket).startsWith("HTTP/1.1 413"));
    }
    // Expected and refused before a byte of it was sent.
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(
          socket,
          "POST /v1/topics/t/messages HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
              + "content-length: 99999999\r\n\r\n");
      assertTrue(readAll(socket).startsWith("HTTP/1.1 413"));
    }
  }

  @Test
  void shouldRefuseHeadersAndRequestLinesOverTheLimit() throws Exception {
    post("/v1/topics/t/messages", "x", "Sluice-Property-a", "y".repeat(20_000))
        .isProblem(431, "HEADERS_TOO_LARGE", "16384");
    get("/v1/topics?x=" + "y".repeat(9_000)).isProblem(431, "HEADERS_TOO_LARGE", "8192");
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(socket, "NO SENSE\r\n\r\n");
      String answer = readAll(socket);
      assertTrue(answer.startsWith("HTTP/1.0 400") && answer.contains("MALFORMED_REQUEST"), answer);
    }
  }

  @Test
  void shouldCloseAConnectionThatNeverSpeaks() throws Exception {
    try (Socket silent = new Socket("127.0.0.1", port);
        Socket slow = new Socket("127.0.0.1", port)) {
      write(slow, "GET / HT");
      silent.setSoTimeout(5_000);
      slow.setSoTimeout(5_000);
      assertEquals(-1, silent.getInputStream().read());
      assertEquals(-1, slow.getInputStream().read());
    }
  }

  @Test
  void shouldCloseAConnectionThatFallsSilent() throws Exception {
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(socket, "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n");
      String answer = readAll(socket);
      assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
    }
  }

  @Test
  void shouldKeepAnEventStreamAliveByComments() throws Exception {
    send("t", "before");
    try (Socket socket = new Socket("127.0.0.1", port)) {
      socket.setSoTimeout(8_000);
      write(socket, "GET /v1/topics/t/stream HTTP/1.1\r\nhost: x\r\n\r\n");
      StringBuilder all = new StringBuilder();
      int comments = 0;
      // Comments for longer than a silent connection is kept.
      while (comments < 12) {
        int next = socket.getInputStream().read();
        assertTrue(next >= 0, "closed after " + comments + " comments");
        all.append((char) next);
        comments += all.toString().endsWith("\n:\n\n") ? 1 : 0;
      }
      send("t", "after");
      while (!all.toString().contains("data: {")) {
        all.append((char) socket.getInputStream().read());
      }
    }
  }

  @Test
  void shouldCloseAConnectionThatFallsSilentAfterItsStreamWasRefused() throws Exception {
    gateway.waiting().addAndGet(GatewayOptions.DEFAULT_MAX_WAITING);
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(socket, "GET /v1/topics/t/stream HTTP/1.1\r\nhost: x\r\n\r\n");
      String answer = readAll(socket);
      assertTrue(answer.startsWith("HTTP/1.1 429"), answer);
    }
  }

  @Test
  void shouldGiveUpOnABodyThatDoesNotCome() throws Exception {
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(
          socket, "POST /v1/topics/t/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc");
      String answer = readAll(socket);
      assertTrue(answer.startsWith("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), answer);
    }
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(
          socket,
          "POST /v1/topics/t/messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\n"
              + "content-length: 900\r\n\r\n{\"body\":");
      assertTrue(readAll(socket).startsWith("HTTP/1.1 408"));
    }
  }

  @Test
  void shouldStopReadingFromAClientThatDoesNotReadItsResults() throws Exception {
    String lines = "{\"body\":\"x\"}\n".repeat(4_000);
    String head =
        "POST /v1/topics/t/messages HTTP/1.1\r\nhost: x\r\nsluice-ack: memory\r\n"
            + "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    String chunk = Integer.toHexString(lines.length()) + "\r\n" + lines + "\r\n";
    stopsReadingAndCuts(head, chunk.getBytes(StandardCharsets.US_ASCII), KERNEL_BYTES);
    assertEquals(204, post("/v1/groups/g/topics/u/receive", "{\"wait\":\"0\"}").status());
  }

  @Test
  void shouldStopReadingFromAClientThatPipelinesAndDoesNotReadItsAnswers() throws Exception {
    String request =
        "GET /health/live HTTP/1.1\r\nhost: x\r\nx-pad: " + "y".repeat(1_000) + "\r\n\r\n";
    // An answer is a tenth of its request, and the kernel keeps some MiB of answers.
    stopsReadingAndCuts(
        "", request.repeat(64).getBytes(StandardCharsets.US_ASCII), 4 * KERNEL_BYTES);
  }

  @Test
  void shouldAnswerPipelinedRequestsInOrderOnceTheirAnswersAreTaken() throws Exception {
    int requests = 300;
    try (Socket socket = new Socket()) {
      socket.setReceiveBufferSize(16 << 10);
      socket.connect(new java.net.InetSocketAddress("127.0.0.1", port));
      String body = "no JSON";
      for (int i = 0; i < requests; i++) {
        // Documents of 100 KB: more than is written before they are taken.
        write(socket, "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n");
        write(
            socket,
            "POST /v1/groups/g/settle HTTP/1.1\r\nhost: x\r\ncontent-length: "
                + body.length()
                + "\r\n\r\n"
                + body);
      }
      String all = readAll(socket);
      assertEquals(requests, all.split("HTTP/1.1 200", -1).length - 1);
      assertEquals(requests, all.split("HTTP/1.1 400", -1).length - 1);
      assertTrue(all.indexOf("HTTP/1.1 400") > all.indexOf("HTTP/1.1 200"));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {TEXT, PING})
  void shouldStopReadingFromASocketThatDoesNotReadItsAnswers(int opcode) throws Exception {
    String said =
        opcode == PING
            ? "x".repeat(125)
            : "{\"type\":\"ping\",\"id\":\"" + "x".repeat(1_000) + "\"}";
    stopsReadingAndCuts(UPGRADE, repeat(frame(opcode, said), 200), KERNEL_BYTES);
    eventually("closed", () -> gateway.sockets().get() == 0);
  }

  @Test
  void shouldReadOnWhenAClientTakesItsAnswers() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.raw().pause();
    String ping = "{\"type\":\"ping\",\"id\":\"" + "x".repeat(60_000) + "\"}";
    int pings = 200;
    for (int i = 0; i < pings; i++) {
      socket.send(ping);
    }
    socket.raw().resume();
    for (int i = 0; i < pings; i++) {
      socket.next("pong");
    }
    socket.close();
  }

  /** Writes for ever and reads nothing: what is written is not taken any more, and then it ends. */
  private void stopsReadingAndCuts(String head, byte[] chunk, long mostBytes) throws IOException {
    long written = 0;
    try (Socket socket = new Socket()) {
      socket.setReceiveBufferSize(16 << 10);
      socket.connect(new java.net.InetSocketAddress("127.0.0.1", port));
      write(socket, head);
      try {
        while (written < 2 * mostBytes) {
          socket.getOutputStream().write(chunk);
          written += chunk.length;
        }
      } catch (IOException e) {
        // Closed: nothing of the answers was taken.
      }
    }
    assertTrue(written < mostBytes, "closed after " + written + " bytes");
  }

  /** A client's frame, with a mask of zeros. */
  private static byte[] frame(int opcode, String text) {
    int length = text.length();
    Buffer frame = Buffer.buffer().appendByte((byte) (0x80 | opcode));
    if (length < 126) {
      frame.appendByte((byte) (0x80 | length));
    } else {
      frame.appendByte((byte) (0x80 | 126)).appendShort((short) length);
    }
    return frame.appendInt(0).appendString(text).getBytes();
  }

  private static byte[] repeat(byte[] bytes, int times) {
    Buffer all = Buffer.buffer();
    for (int i = 0; i < times; i++) {
      all.appendBytes(bytes);
    }
    return all.getBytes();
  }

  @Test
  void shouldStopDispatchToAClientThatDoesNotRead() throws Exception {
    for (int i = 0; i < 600; i++) {
      send("t", "x".repeat(32 << 10), "Sluice-Ack", "memory");
    }
    TestSocket socket =
        TestSocket.open(
            this, "/v1/ws?topic=t&group=g&ack=auto&credit=1000&creditBytes=99999999", false);
    socket.next("subscribed");
    socket.raw().pause();
    eventually("closed", () -> gateway.sockets().get() == 0);
    assertEquals(0, broker.openBlocks.get());
    socket.raw().resume();
    // What was not taken comes again, to who reads.
    TestSocket other = TestSocket.open(this, "/v1/ws?topic=t&group=g&ack=auto", false);
    assertEquals(32 << 10, other.find("message").getString("body").length());
    other.close();
  }

  @Test
  void shouldCloseASocketThatNeverSpeaks() throws Exception {
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(socket, UPGRADE);
      String all = readAll(socket);
      assertTrue(all.startsWith("HTTP/1.1 101"), all);
      assertTrue(all.contains("\"welcome\""), all);
      // 4408 as it stands in the close frame.
      assertTrue(all.contains(new String(new char[] {0x11, 0x38}) + "nothing was said"), all);
    }
    // A client that answers pings may be silent as long as it likes.
    TestSocket alive = TestSocket.open(this, "/v1/ws", false);
    TimeUnit.MILLISECONDS.sleep(1_500);
    alive.send("{\"type\":\"ping\"}");
    alive.next("pong");
    alive.close();
  }

  @Test
  void shouldCloseOnAFrameThatIsTooBig() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    socket.raw().writeFinalTextFrame("x".repeat(1 << 20));
    assertEquals(4413, socket.closeCode());
    TestSocket parts = TestSocket.open(this, "/v1/ws", false);
    parts.raw().writeTextMessage("x".repeat(200 << 10));
    assertEquals(4413, parts.closeCode());
    TestSocket message = TestSocket.open(this, "/v1/ws", false);
    message.send(
        "{\"type\":\"publish\",\"id\":\"1\",\"topic\":\"t\",\"body\":\""
            + "x".repeat(70_000)
            + "\"}");
    assertEquals("MESSAGE_TOO_LARGE", message.next("error").getString("code"));
    message.close();
  }

  @Test
  void shouldBoundSocketsAndSubscriptions() throws Exception {
    TestSocket one = TestSocket.open(this, "/v1/ws", false);
    TestSocket two = TestSocket.open(this, "/v1/ws", false);
    TestSocket three = TestSocket.open(this, "/v1/ws", false);
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(socket, UPGRADE);
      String all = readAll(socket);
      assertTrue(all.startsWith("HTTP/1.1 429") && all.contains("another gateway"), all);
    }
    for (String sub : new String[] {"a", "b", "c"}) {
      one.send("{\"type\":\"subscribe\",\"sub\":\"" + sub + "\",\"topic\":\"t\",\"group\":\"g\"}");
    }
    JsonObject error = one.find("error");
    assertEquals("BUSY", error.getString("code"));
    assertEquals("c", error.getString("sub"));
    one.close();
    two.close();
    three.close();
  }

  @Test
  void shouldRefuseWhatIsTooMuchAtOnce() throws Exception {
    broker.silent = true;
    Buffer body = Buffer.buffer(new byte[60 << 10]);
    var multiplexed =
        vertx.createHttpClient(
            new io.vertx.core.http.HttpClientOptions()
                .setProtocolVersion(io.vertx.core.http.HttpVersion.HTTP_2)
                .setHttp2ClearTextUpgrade(false));
    java.util.concurrent.CompletableFuture<Answer> refused =
        new java.util.concurrent.CompletableFuture<>();
    for (int i = 0; i < 80; i++) {
      clientContext.runOnContext(
          ignored ->
              multiplexed
                  .request(HttpMethod.POST, port, "127.0.0.1", "/v1/topics/t/messages")
                  .compose(request -> request.send(body))
                  .compose(GatewayTestBase::answer)
                  .onSuccess(refused::complete));
    }
    Answer answer = refused.get(WAIT_S, TimeUnit.SECONDS);
    answer.isProblem(429, "BUSY", "4194304", "later");
    assertEquals("1", answer.headers().get("retry-after"));
    TestSocket socket = TestSocket.open(this, "/v1/ws", false);
    String frame =
        "{\"type\":\"publish\",\"id\":\"1\",\"topic\":\"t\",\"body\":\""
            + "x".repeat(60_000)
            + "\"}";
    for (int i = 0; i < 40; i++) {
      socket.send(frame);
    }
    assertTrue(socket.isQuiet(), "reading stops instead");
    socket.raw().shutdown(0, TimeUnit.SECONDS);
  }

  @Test
  void shouldTellSocketsToGoAndAnswerNothingNew() throws Exception {
    send("t", "x");
    TestSocket socket = TestSocket.open(this, "/v1/ws?topic=t&group=g", false);
    socket.find("idle");
    var stopped = gateway.stop();
    JsonObject drain = socket.find("drain");
    assertEquals(400, drain.getInteger("afterMs"));
    socket.send("{\"type\":\"publish\",\"id\":\"1\",\"topic\":\"t\",\"body\":\"x\"}");
    assertEquals("SHUTTING_DOWN", socket.find("error").getString("code"));
    assertEquals(4503, socket.closeCode());
    await(stopped);
  }

  @Test
  void shouldGiveBackWhatAClientThatLeftWasLeased() throws Exception {
    try (Socket socket = new Socket("127.0.0.1", port)) {
      write(
          socket,
          "POST /v1/groups/g/topics/t/receive HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
      TimeUnit.MILLISECONDS.sleep(200);
    }
    TimeUnit.MILLISECONDS.sleep(100);
    send("t", "x");
    eventually(
        "given back",
        () -> {
          try {
            return receive("g", "t").size() == 1;
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private static void write(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    socket.getOutputStream().flush();
  }

  /** Reads until the server closes. */
  private static String readAll(Socket socket) throws IOException {
    socket.setSoTimeout(8_000);
    StringBuilder all = new StringBuilder();
    byte[] buffer = new byte[8192];
    InputStream in = socket.getInputStream();
    try {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        all.append(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
      }
    } catch (SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      // Reset, as what was written is not read any more; the answer has come before.
    }
    return all.toString();
  }
}

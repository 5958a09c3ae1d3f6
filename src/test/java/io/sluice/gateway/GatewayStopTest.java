package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Test;

/** A stop waits for requests that were taken, and for nothing else: here it would wait an hour. */
class GatewayStopTest extends GatewayTestBase {

  private static final Duration LONG = Duration.ofHours(1);

  @Override
  GatewayOptions options() {
    return super.options().drainTimeout(LONG).firstRequestTimeout(LONG);
  }

  @Test
  void shouldNotWaitForConnectionsThatHaveNotSaidARequest() throws Exception {
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < 8; i++) {
        Socket socket = new Socket("127.0.0.1", port);
        sockets.add(socket);
        if (i % 2 == 0) {
          socket.getOutputStream().write("GET /hea".getBytes(StandardCharsets.US_ASCII));
        }
      }
      eventually("all are taken", () -> gateway.connections().open() == 8);

      await(gateway.stop());

      for (Socket socket : sockets) {
        socket.setSoTimeout(5_000);
        assertEquals(-1, socket.getInputStream().read());
      }
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  @Test
  void shouldNotWaitForConnectionsThatHaveTheirAnswers() throws Exception {
    get("/v1/topics").is(200);
    await(gateway.stop());
  }

  @Test
  void shouldNotWaitForClientsThatSendOneRequestAfterTheOther() throws Exception {
    AtomicBoolean sending = new AtomicBoolean(true);
    LongAdder answers = new LongAdder();
    List<Thread> clients = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Thread client = new Thread(() -> sendWhile(sending, answers));
      client.start();
      clients.add(client);
    }
    try {
      eventually("all send", () -> answers.sum() > 1_000);
      await(gateway.stop());
    } finally {
      sending.set(false);
      for (Thread client : clients) {
        client.join();
      }
    }
  }

  @Test
  void shouldAnswerWhatNoBrokerTakesBeforeItCloses() throws Exception {
    broker.failAppends = new SluiceException(ErrorCode.DRAINING, "it takes nothing more");
    FutureTask<Answer> sent = new FutureTask<>(() -> post("/v1/topics/t/messages", "x"));
    new Thread(sent).start();
    eventually("the Broker was asked", () -> broker.appendRequests.get() > 0);
    await(gateway.stop());
    sent.get().isProblem(503, "DRAINING", "takes nothing more");
  }

  /** Opens a connection anew, at once, when the one before was closed. */
  private void sendWhile(AtomicBoolean sending, LongAdder answers) {
    byte[] request =
        "POST /v1/topics/t/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nx"
            .getBytes(StandardCharsets.US_ASCII);
    byte[] answer = new byte[4096];
    while (sending.get()) {
      try (Socket socket = new Socket("127.0.0.1", port)) {
        while (sending.get()) {
          socket.getOutputStream().write(request);
          if (socket.getInputStream().read(answer) < 0) {
            break;
          }
          answers.increment();
        }
      } catch (IOException e) {
        Thread.onSpinWait();
      }
    }
  }
}

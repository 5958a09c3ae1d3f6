package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.http.StreamResetException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Several calls on one HTTP/2 connection: what befalls one of them is nothing to the others. */
class MultiplexedTest extends GatewayTestBase {

  private static final String SEND = "/v1/topics/t/messages";
  private static final long LINE_MS = 100;
  private static final long NO_ERROR = 0;
  private static final long CANCEL = 8;

  private final AtomicInteger connections = new AtomicInteger();
  private HttpClient multiplexed;
  private Future<Answer> poll;
  private HttpClientRequest lines;
  private Future<Answer> linesAnswer;
  private long lineTimer;

  @Override
  GatewayOptions options() {
    return new GatewayOptions()
        .host("127.0.0.1")
        .port(0)
        .maxMessageBytes(64 << 10)
        .idleTimeout(Duration.ofMillis(900))
        .stallTimeout(Duration.ofMillis(900));
  }

  /** A long poll that waits, and a send that takes its time. */
  @BeforeEach
  void startOthers() throws Exception {
    send("t", "before");
    assertEquals(1, receive("g", "t").size());
    HttpClientOptions options =
        new HttpClientOptions()
            .setProtocolVersion(HttpVersion.HTTP_2)
            .setHttp2ClearTextUpgrade(false)
            // A stream that is not read leaves room for the others.
            .setHttp2ConnectionWindowSize(1 << 20);
    multiplexed =
        vertx
            .httpClientBuilder()
            .with(options)
            .withConnectHandler(ignored -> connections.incrementAndGet())
            .build();
    Promise<Void> started = Promise.promise();
    clientContext.runOnContext(
        ignored -> {
          poll =
              request(HttpMethod.POST, "/v1/groups/g/topics/t/receive")
                  .compose(request -> request.send(Buffer.buffer("{\"wait\":\"20s\"}")))
                  .compose(GatewayTestBase::answer);
          request(HttpMethod.POST, SEND, "Content-Type", Front.NDJSON)
              .<Void>map(
                  request -> {
                    lines = request.setChunked(true);
                    linesAnswer = request.response().compose(GatewayTestBase::answer);
                    lineTimer =
                        vertx.setPeriodic(LINE_MS, tick -> request.write("{\"bdy\":\"x\"}\n"));
                    return null;
                  })
              .onComplete(started);
        });
    await(started.future());
  }

  /** They go on, on the one connection that there is. */
  private void othersGoOn() throws Exception {
    vertx.cancelTimer(lineTimer);
    onLoop(() -> lines.end());
    await(linesAnswer).is(200);
    send("t", "after");
    await(poll).is(200);
    assertEquals(1, connections.get());
  }

  @AfterEach
  void closeClient() throws Exception {
    vertx.cancelTimer(lineTimer);
    await(multiplexed.close());
  }

  @Test
  void shouldEndOnlyTheStreamOfABodyThatIsTooLarge() throws Exception {
    Part large = begin(1 << 20);
    Answer refused = await(large.answer).isProblem(413, "MESSAGE_TOO_LARGE");
    assertNull(refused.headers().get(HttpHeaders.CONNECTION));
    assertEquals(NO_ERROR, large.resetCode());
    othersGoOn();
  }

  @Test
  void shouldEndOnlyTheStreamOfABodyThatDoesNotCome() throws Exception {
    Part slow = begin(9);
    Answer refused = await(slow.answer).isProblem(408, "REQUEST_TIMEOUT");
    assertNull(refused.headers().get(HttpHeaders.CONNECTION));
    assertEquals(NO_ERROR, slow.resetCode());
    othersGoOn();
  }

  @Test
  void shouldEndOnlyTheEventStreamThatIsNotRead() throws Exception {
    for (int i = 0; i < 40; i++) {
      send("many", "x".repeat(32 << 10), "Sluice-Ack", "memory");
    }
    Part stream = new Part();
    onLoop(
        () ->
            request(HttpMethod.GET, "/v1/topics/many/stream?from=earliest")
                .compose(
                    request -> {
                      request.exceptionHandler(stream.failure::tryComplete);
                      return request.send();
                    })
                .onSuccess(
                    response -> response.exceptionHandler(stream.failure::tryComplete).pause()));
    assertEquals(CANCEL, stream.resetCode());
    othersGoOn();
  }

  /** A request of which no more than the first byte is sent. */
  private Part begin(int announcedBytes) throws Exception {
    Part part = new Part();
    onLoop(
        () ->
            request(HttpMethod.POST, SEND, "Content-Length", Integer.toString(announcedBytes))
                .compose(
                    request -> {
                      request.exceptionHandler(part.failure::tryComplete);
                      part.answer = request.response().compose(GatewayTestBase::answer);
                      return request.write("x");
                    }));
    return part;
  }

  private Future<HttpClientRequest> request(HttpMethod method, String uri, String... headers) {
    RequestOptions options =
        new RequestOptions().setHost("127.0.0.1").setPort(port).setMethod(method).setURI(uri);
    for (int i = 0; i < headers.length; i += 2) {
      options.addHeader(headers[i], headers[i + 1]);
    }
    return multiplexed.request(options);
  }

  /** A call whose stream is ended by the server. */
  private static final class Part {

    private final Promise<Throwable> failure = Promise.promise();
    private Future<Answer> answer;

    long resetCode() throws Exception {
      return assertInstanceOf(StreamResetException.class, await(failure.future())).getCode();
    }
  }
}

package io.sluice.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sluice.replication.Frames.Ack;
import io.sluice.replication.Frames.Data;
import io.sluice.replication.Frames.Hello;
import io.sluice.replication.Frames.Welcome;
import io.vertx.core.buffer.Buffer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Frames come out as they went in, wherever the bytes are cut. */
final class FrameReaderTest {

  private static final EpochHistory HISTORY =
      new EpochHistory(List.of(new Epoch(1, 0, -5), new Epoch(2, 700, 9)));

  private final List<Object> found = new ArrayList<>();
  private final StringBuilder log = new StringBuilder();
  private final FrameReader reader =
      new FrameReader(
          new FrameReader.Handler() {
            @Override
            public void onData(Data data) {
              found.add(data);
            }

            @Override
            public void onBytes(ByteBuffer bytes) {
              log.append(StandardCharsets.US_ASCII.decode(bytes));
            }

            @Override
            public void onFrame(byte type, ByteBuffer content) {
              found.add(
                  switch (type) {
                    case Frames.HELLO -> Frames.readHello(content);
                    case Frames.WELCOME -> Frames.readWelcome(content);
                    case Frames.ACK -> Frames.readAck(content);
                    default -> type;
                  });
            }
          });

  @Test
  void shouldReadWhatWasWrittenCutAnywhere() {
    Hello hello = new Hello(1, "c", "b", "host:1", 3, 1 << 20, new Handshake.Log(HISTORY, 10, 900));
    Welcome welcome =
        new Welcome(
            new Handshake.Answer(Handshake.Action.CUT, 800, "why"), true, "host:2", HISTORY);
    Data data = new Data(2, 800, 790, 0, 3, 1_000);
    Data empty = new Data(2, 805, 805, 0, 2, 1_000);
    Buffer all =
        Buffer.buffer()
            .appendBuffer(Frames.hello(hello))
            .appendBuffer(Frames.welcome(welcome))
            .appendBuffer(Frames.data(data, ByteBuffer.wrap("bytes".getBytes())))
            .appendBuffer(Frames.ack(805, 800))
            .appendBuffer(Frames.data(empty, null))
            .appendBuffer(Frames.snapshot(Buffer.buffer()));
    Random random = new Random(1);
    for (int round = 0; round < 300; round++) {
      found.clear();
      log.setLength(0);
      int at = 0;
      while (at < all.length()) {
        int count = Math.min(all.length() - at, 1 + random.nextInt(1 + round));
        reader.read(ByteBuffer.wrap(all.getBytes(at, at + count)));
        at += count;
      }
      assertEquals(List.of(hello, welcome, data, new Ack(805, 800), empty, Frames.SNAPSHOT), found);
      assertEquals("bytes", log.toString());
    }
  }

  @Test
  void shouldRefuseAFrameThatIsTooLong() {
    ByteBuffer bytes = ByteBuffer.allocate(5).putInt(1 << 24).put(Frames.HELLO).flip();
    assertThrows(IllegalArgumentException.class, () -> reader.read(bytes));
  }
}

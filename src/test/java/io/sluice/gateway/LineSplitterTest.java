package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LineSplitterTest {

  @Test
  void shouldGiveTheSameLinesWhereverTheChunksEnd() {
    byte[] text = "ab\n\n  \ncdefghijk\nx\r\nlast".getBytes(StandardCharsets.US_ASCII);
    List<String> whole = split(text, text.length);
    assertEquals(List.of("1:ab", "4!9", "5:x\r", "6:last"), whole);
    for (int size = 1; size < text.length; size++) {
      assertEquals(whole, split(text, size), "chunks of " + size);
    }
  }

  private static List<String> split(byte[] text, int chunk) {
    List<String> found = new ArrayList<>();
    LineSplitter splitter =
        new LineSplitter(
            8,
            new LineSplitter.Lines() {
              @Override
              public void line(long number, byte[] bytes, int from, int length) {
                found.add(
                    number + ":" + new String(bytes, from, length, StandardCharsets.US_ASCII));
              }

              @Override
              public void tooLong(long number, long bytes) {
                found.add(number + "!" + bytes);
              }
            });
    for (int at = 0; at < text.length; at += chunk) {
      splitter.take(text, at, Math.min(chunk, text.length - at));
    }
    splitter.end();
    return found;
  }
}

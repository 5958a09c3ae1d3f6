package io.sluice.replication;

import io.sluice.store.FileAccess;
import io.sluice.store.SmallFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * What a slave heard from its master last, in the file {@code replica}: the confirmed end, whether
 * it was in sync, and the master's address. Written about each second, so it may be a little old:
 * the confirmed end only rises. For workers.
 */
final class FollowerFile {

  static final String NAME = "replica";

  private final FileAccess files;
  private final Path path;

  FollowerFile(FileAccess files, Path directory) {
    this.files = files;
    path = directory.resolve(NAME);
  }

  /**
   * What was heard.
   *
   * @param masterAddress for RocketMQ clients; empty if it was never heard
   */
  record Heard(long confirmed, boolean inSync, String masterAddress) {}

  Heard read() throws IOException {
    byte[] bytes = SmallFiles.read(files, path);
    if (bytes != null) {
      String[] words = new String(bytes, StandardCharsets.US_ASCII).trim().split(" ", 3);
      try {
        return new Heard(
            Long.parseLong(words[0]), words[1].equals("yes"), words.length > 2 ? words[2] : "");
      } catch (RuntimeException e) {
        // Only what was known before the start is lost; the master says it again.
        System.getLogger(FollowerFile.class.getName())
            .log(System.Logger.Level.WARNING, "ignored " + path + ": " + e);
      }
    }
    return new Heard(0, false, "");
  }

  void write(Heard heard) throws IOException {
    String text =
        heard.confirmed() + " " + (heard.inSync() ? "yes" : "no") + " " + heard.masterAddress();
    byte[] bytes = (text + "\n").getBytes(StandardCharsets.US_ASCII);
    SmallFiles.replace(files, path, ByteBuffer.wrap(bytes));
  }
}

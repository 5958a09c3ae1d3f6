package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sluice.store.FileAccess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotFileTest {

  @TempDir Path directory;
  private SnapshotFile file;
  private Path path;

  @BeforeEach
  void open() {
    file = new SnapshotFile(FileAccess.system(), directory);
    path = directory.resolve(SnapshotFile.NAME);
  }

  @Test
  void shouldFindNothingBeforeItWasWritten() throws Exception {
    assertNull(file.read());
  }

  @Test
  void shouldReadWhatWasWrittenLast() throws Exception {
    file.write(7, new byte[] {1, 2, 3, 0, 0}, 3);
    file.write(9, new byte[] {4, 5}, 2);
    SnapshotFile.Content content = file.read();
    assertEquals(9, content.covered());
    assertEquals(2, content.changes().remaining());
    assertEquals(5, content.changes().get(1));
    assertFalse(Files.exists(directory.resolve(SnapshotFile.NAME + ".new")));
  }

  @Test
  void shouldRefuseAFlippedBitAnywhere() throws Exception {
    file.write(7, new byte[] {1, 2, 3}, 3);
    byte[] whole = Files.readAllBytes(path);
    for (int bit = 0; bit < whole.length * 8; bit++) {
      byte[] broken = whole.clone();
      broken[bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(path, broken);
      assertThrows(IOException.class, file::read, "bit " + bit);
    }
  }

  @Test
  void shouldRefuseATornFile() throws Exception {
    file.write(7, new byte[] {1, 2, 3}, 3);
    byte[] whole = Files.readAllBytes(path);
    for (int size = 0; size < whole.length; size++) {
      Files.write(path, Arrays.copyOf(whole, size));
      assertThrows(IOException.class, file::read, "size " + size);
    }
  }
}

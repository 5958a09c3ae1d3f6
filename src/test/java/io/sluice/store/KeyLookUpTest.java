package io.sluice.store;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Looks entries of index files up by their hash, and compares with going through all of them. */
class KeyLookUpTest {

  @TempDir Path directory;

  private record Entry(int hash, long place) {}

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void shouldFindInAFileInOrderOfArrivalWhileItGrows(long seed) {
    Random random = new Random(seed);
    int fileEntries = 20_000;
    ByteBuffer bytes = ByteBuffer.allocate(fileEntries * KeyIndex.ENTRY_BYTES);
    KeyTail tail = new KeyTail(fileEntries);
    List<Entry> model = new ArrayList<>();
    while (model.size() < fileEntries) {
      int more = Math.min(fileEntries - model.size(), random.nextInt(2_000));
      for (int i = 0; i < more; i++) {
        Entry entry = new Entry(hash(random), model.size() * 100L);
        bytes.putInt(model.size() * KeyIndex.ENTRY_BYTES, entry.hash);
        bytes.putLong(model.size() * KeyIndex.ENTRY_BYTES + 4, entry.place + 1);
        model.add(entry);
      }
      for (int i = 0; i < 20; i++) {
        int hash = hash(random) & Integer.MAX_VALUE;
        int entries = model.size() - random.nextInt(Math.min(10, model.size() + 1));
        List<Long> found = new ArrayList<>();
        tail.find(bytes, entries, hash, found::add);
        assertEquals(expected(model.subList(0, entries), hash), found, "seed " + seed);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1_024, 4_096, 100_000})
  void shouldFindInASortedFile(int entries) throws Exception {
    Random random = new Random(entries);
    Entry[] sorted = new Entry[entries];
    for (int i = 0; i < entries; i++) {
      sorted[i] = new Entry(hash(random), i * 100L);
    }
    List<Entry> model = List.of(sorted.clone());
    Arrays.sort(
        sorted,
        (one, other) ->
            one.hash != other.hash
                ? Integer.compare(one.hash, other.hash)
                : Long.compare(one.place, other.place));
    Path path = directory.resolve("keys");
    try (StoreFile file = FileAccess.system().open(path)) {
      ByteBuffer all =
          ByteBuffer.allocate(SortedKeys.HEADER_BYTES + entries * KeyIndex.ENTRY_BYTES);
      all.position(SortedKeys.HEADER_BYTES);
      for (Entry entry : sorted) {
        all.putInt(entry.hash).putLong(entry.place + 1);
      }
      file.write(all.flip(), 0);
    }
    SortedKeys keys = new SortedKeys(FileAccess.system(), path, 0, entries, 0, entries * 100L);
    for (int i = 0; i < 2_000; i++) {
      int hash =
          i % 2 == 0
              ? hash(random) & Integer.MAX_VALUE
              : sorted[random.nextInt(entries)].hash & Integer.MAX_VALUE;
      List<Long> found = new ArrayList<>();
      keys.find(hash, found::add);
      assertEquals(expected(model, hash), found);
    }
    RepeatEntries repeats = new RepeatEntries(entries, entries, place -> false);
    keys.collectRepeats(repeats);
    List<Entry> marked = model.stream().filter(entry -> entry.hash < 0).toList();
    assertEquals(marked.size(), repeats.count());
    for (int i = 0; i < repeats.count(); i++) {
      assertEquals(marked.get(i), new Entry(repeats.low(i), repeats.place(i)));
    }
  }

  @Test
  void shouldFindKeysInFilesOfBothKinds() {
    StoreKit kit = new StoreKit(directory.resolve("store"));
    kit.open();
    for (int i = 0; i < 5_000; i++) {
      kit.append("orders", i % 3, "m" + i, "key" + i % 2_000);
      if (i % 500 == 0) {
        assertEquals("m" + i, kit.findByKey("orders", "key" + i % 2_000, 1).get(0));
      }
    }
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < 2_000; i += 7) {
        List<String> expected = new ArrayList<>();
        for (int j = i + 4_000; j >= 0; j -= 2_000) {
          if (j < 5_000) {
            expected.add("m" + j);
          }
        }
        assertEquals(expected, kit.findByKey("orders", "key" + i, 10));
      }
      kit.reopen();
    }
    kit.close();
  }

  /** Few of them, many alike, some for repeats, some at the ends. */
  private static int hash(Random random) {
    return switch (random.nextInt(8)) {
      case 0 -> Integer.MIN_VALUE | random.nextInt();
      case 1 -> random.nextInt(5);
      case 2 -> Integer.MAX_VALUE - random.nextInt(5);
      case 3 -> random.nextInt(1_000) * 2_000_003 & Integer.MAX_VALUE;
      default -> random.nextInt() & Integer.MAX_VALUE;
    };
  }

  private static List<Long> expected(List<Entry> entries, int hash) {
    List<Long> places = new ArrayList<>();
    for (int i = entries.size() - 1; i >= 0; i--) {
      if (entries.get(i).hash == hash) {
        places.add(entries.get(i).place);
      }
    }
    return places;
  }
}

package io.sluice.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jgroups.protocols.raft.LogEntries;
import org.jgroups.protocols.raft.LogEntry;
import org.jgroups.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The controllers' log on the disk: what it says is there is there, whatever the disk does. */
class RaftLogTest {

  @TempDir Path directory;

  private final List<IOException> failures = new ArrayList<>();

  /** Bytes that still fit on the disk. */
  private long room = Long.MAX_VALUE;

  private RaftLog log;

  @AfterEach
  void close() throws IOException {
    if (log != null) {
      log.close();
    }
  }

  @Test
  void shouldKnowEverythingAfterAStart() throws Exception {
    open();
    UUID member = UUID.randomUUID();
    log.currentTerm(3).votedFor(member);
    append(2, "a", "b");
    append(3, "c");
    log.commitIndex(2);

    reopen();

    assertEquals(3, log.currentTerm());
    assertEquals(member, log.votedFor());
    assertEquals(2, log.commitIndex());
    assertEquals(List.of("2:a", "2:b", "3:c"), all());
    assertNull(log.getSnapshot());
    assertEquals(0, log.firstAppended());
    assertEquals(3, log.lastAppended());
  }

  @Test
  void shouldNeverGoBackToALowerTermNorKeepAVoteOfOne() throws Exception {
    open();
    log.currentTerm(7).votedFor(UUID.randomUUID());
    append(5, "an older one, sent by the leader");
    log.currentTerm(5);
    assertEquals(7, log.currentTerm());
    log.currentTerm(8);
    assertNull(log.votedFor());
    reopen();
    assertEquals(8, log.currentTerm());
    assertNull(log.votedFor());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 20, 28, 29, 30, 50, 57})
  void shouldHaveNothingOfWhatDidNotFit(int bytes) throws Exception {
    open();
    append(1, "first");
    room = bytes;

    assertThrows(UncheckedIOException.class, () -> append(1, "0123456789", "0123456789"));

    assertEquals(1, failures.size());
    assertEquals(List.of("1:first"), all());
    assertThrows(IllegalStateException.class, () -> append(1, "another in its place"));
    room = Long.MAX_VALUE;
    reopen();
    // What was written whole may be there: nobody was told that it is not.
    assertEquals("1:first", all().get(0));
    assertTrue(all().size() <= 2, all()::toString);
    append(2, "next");
    reopen();
    assertEquals("2:next", all().get(all().size() - 1));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 10, 1_000, 1_023})
  void shouldNotHaveVotedWhenTheVoteWasNotWrittenWhole(int bytes) throws Exception {
    open();
    UUID member = UUID.randomUUID();
    log.currentTerm(4);
    room = bytes;
    assertThrows(UncheckedIOException.class, () -> log.votedFor(member));
    assertNull(log.votedFor());
    room = Long.MAX_VALUE;
    reopen();
    assertEquals(4, log.currentTerm());
    assertNull(log.votedFor());
    log.votedFor(member);
    reopen();
    assertEquals(member, log.votedFor());
  }

  @Test
  void shouldVoteOnAfterAnEntryDidNotFit() throws Exception {
    open();
    long bytes = Files.size(directory.resolve("vote"));
    room = 0;
    assertThrows(UncheckedIOException.class, () -> append(1, "x"));
    room = Long.MAX_VALUE;
    log.currentTerm(5);
    assertEquals(5, log.currentTerm());
    // It needs no room of its own.
    assertEquals(bytes, Files.size(directory.resolve("vote")));
  }

  @Test
  void shouldRefuseADamagedVote() throws Exception {
    open();
    log.currentTerm(4);
    log.close();
    byte[] bytes = Files.readAllBytes(directory.resolve("vote"));
    bytes[1_024 + 20] ^= 1;
    Files.write(directory.resolve("vote"), bytes);
    IOException refused = assertThrows(IOException.class, this::open);
    assertTrue(refused.getMessage().contains("vote is damaged"), refused::getMessage);
  }

  @Test
  void shouldCutWhatWasNotWrittenWholeAtEachByte() throws Exception {
    open();
    append(1, "first");
    long whole = Files.size(file());
    append(1, "second", "third");
    log.close();
    byte[] bytes = Files.readAllBytes(file());
    for (int end = (int) whole; end <= bytes.length; end++) {
      Files.write(file(), Arrays.copyOf(bytes, end));
      open();
      int expected = end == bytes.length ? 3 : end >= whole + 29 + 6 ? 2 : 1;
      assertEquals(expected, log.lastAppended(), "cut at " + end);
      append(2, "goes on");
      log.close();
    }
  }

  @Test
  void shouldRefuseDamageBeforeWholeEntriesAndSayWhatToDo() throws Exception {
    open();
    append(1, "first", "second", "third");
    log.close();
    byte[] bytes = Files.readAllBytes(file());
    for (int at = 0; at < bytes.length - (29 + 5); at++) {
      byte[] flipped = bytes.clone();
      flipped[at] ^= 1;
      Files.write(file(), flipped);
      IOException refused = assertThrows(IOException.class, this::open, "byte " + at);
      assertTrue(refused.getMessage().contains("is damaged at byte"), refused::getMessage);
      assertTrue(refused.getMessage().contains("move the directory"), refused::getMessage);
      log.close();
    }
  }

  @Test
  void shouldKeepASnapshotTogetherWithTheEntriesBehindIt() throws Exception {
    open();
    append(1, "a", "b", "c", "d");
    log.commitIndex(3);
    log.setSnapshot(bytes("state at 3"));
    assertEquals(bytes("state at 3"), log.getSnapshot());
    log.truncate(9);
    assertEquals(3, log.firstAppended());
    reopen();
    assertEquals(List.of("1:c", "1:d"), all());
    assertEquals(3, log.firstAppended());
    assertEquals(3, log.commitIndex());
    assertEquals(bytes("state at 3"), log.getSnapshot());

    log.setSnapshot(bytes("the leader's at 90"));
    log.reinitializeTo(90, new LogEntry(6, null));
    append(6, "e");
    reopen();
    assertEquals(90, log.firstAppended());
    assertEquals(91, log.lastAppended());
    assertEquals(90, log.commitIndex());
    assertEquals(bytes("the leader's at 90"), log.getSnapshot());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void shouldDoAsTheModelDoes(long seed) throws Exception {
    Random random = new Random(seed);
    List<String> model = new ArrayList<>();
    long first = 0;
    open();
    for (int step = 0; step < 300; step++) {
      long last = Math.max(first, 1) + model.size() - 1;
      switch (random.nextInt(8)) {
        case 0, 1, 2 -> {
          String[] added = new String[random.nextInt(3) + 1];
          for (int i = 0; i < added.length; i++) {
            added[i] = "x".repeat(random.nextInt(60));
            model.add("1:" + added[i]);
          }
          append(1, added);
        }
        case 3 ->
            log.commitIndex(
                log.commitIndex() + random.nextInt((int) (last - log.commitIndex()) + 1));
        case 4 -> {
          long from = log.commitIndex() + 1 + random.nextInt(3);
          log.deleteAllEntriesStartingFrom(from);
          while (!model.isEmpty() && Math.max(first, 1) + model.size() - 1 >= from) {
            model.remove(model.size() - 1);
          }
        }
        case 5 -> {
          long committed = log.commitIndex();
          log.setSnapshot(bytes("state at " + committed));
          log.truncate(committed);
          for (long i = Math.max(first, 1); i < committed; i++) {
            model.remove(0);
          }
          first = committed;
        }
        default -> reopen();
      }
      assertEquals(model, all(), "seed " + seed + ", step " + step);
      assertEquals(first, log.firstAppended());
    }
  }

  private void open() throws IOException {
    log =
        new RaftLog(directory, failures::add) {
          @Override
          int writeSome(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
            if (room <= 0) {
              throw new IOException("No space left on device");
            }
            ByteBuffer some =
                bytes.slice(bytes.position(), (int) Math.min(room, bytes.remaining()));
            int written = super.writeSome(channel, some, position);
            bytes.position(bytes.position() + written);
            room -= written;
            return written;
          }
        };
    log.open();
  }

  private void reopen() throws IOException {
    log.close();
    open();
  }

  private Path file() {
    return directory.resolve("log");
  }

  private void append(long term, String... commands) {
    LogEntries entries = new LogEntries();
    for (String command : commands) {
      entries.add(new LogEntry(term, command.getBytes(StandardCharsets.UTF_8)));
    }
    assertEquals(log.lastAppended() + commands.length, log.append(log.lastAppended() + 1, entries));
  }

  private List<String> all() {
    List<String> found = new ArrayList<>();
    log.forEach(
        (entry, index) ->
            found.add(
                entry.term()
                    + ":"
                    + (entry.length() == 0
                        ? ""
                        : new String(
                            entry.command(),
                            entry.offset(),
                            entry.length(),
                            StandardCharsets.UTF_8))));
    return found;
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }
}

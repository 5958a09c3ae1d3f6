package io.sluice.controller;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ObjLongConsumer;
import java.util.zip.CRC32C;
import org.jgroups.Address;
import org.jgroups.protocols.raft.Log;
import org.jgroups.protocols.raft.LogEntries;
import org.jgroups.protocols.raft.LogEntry;
import org.jgroups.util.Util;

/**
 * What a controller must not forget: the engine's log, its term and its vote (decision 0044). What
 * a method has returned from is on the disk. What could not be written is not there, and is said by
 * an exception: the engine's own log takes a full disk for a success.
 *
 * <p>Three files. {@code log}: a snapshot and the entries behind it, each with a CRC; it is only
 * appended to, cut at its end, or replaced as a whole. {@code vote}: term and vote, in two slots in
 * turn. {@code commit}: how far entries were applied, not forced, as the leader says it again.
 *
 * <p>After a failed append no entry is taken until the log is opened anew: what the file has then
 * is what counts. Term and vote can be written on. Entries are few and small, and all in memory.
 * Safe for any thread.
 */
class RaftLog implements Log {

  private static final System.Logger LOG = System.getLogger(RaftLog.class.getName());

  /** "SLRL". */
  private static final int MAGIC = 0x534c524c;

  private static final int VERSION = 1;

  /** Magic, version, {@link #first}, snapshot's length, CRC. */
  private static final int HEAD_BYTES = 4 + 4 + 8 + 4 + 4;

  /** Magic, length of the command, CRC of the rest, index, term, whether it is the engine's own. */
  private static final int ENTRY_BYTES = 4 + 4 + 4 + 8 + 8 + 1;

  private static final int COMMIT_BYTES = 12;

  /** Of one slot; the address has a host's name of 255 characters at most. */
  private static final int VOTE_BYTES = 1_024;

  private final Path directory;
  private final Consumer<IOException> failed;
  private final List<LogEntry> entries = new ArrayList<>();

  /** Where each entry ends in the file. */
  private final List<Long> ends = new ArrayList<>();

  private FileChannel log;
  private FileChannel votes;
  private FileChannel commits;
  private byte[] snapshot;
  private byte[] nextSnapshot;
  private long entriesFrom;

  /** Index of the first entry; 0 as long as none was left out. */
  private long first;

  private long commitIndex;
  private long voteNumber;
  private long term;
  private Address vote;
  private boolean broken;

  /**
   * A log that is not open yet.
   *
   * @param failed told of the first failure to write, after which no entry is taken
   */
  RaftLog(Path directory, Consumer<IOException> failed) {
    this.directory = directory;
    this.failed = failed;
  }

  /** Opens; makes what is not there. */
  synchronized RaftLog open() throws IOException {
    Files.createDirectories(directory);
    openVotes();
    if (!Files.exists(file("log"))) {
      replaceLog(0, List.of());
    }
    log = FileChannel.open(file("log"), StandardOpenOption.READ, StandardOpenOption.WRITE);
    readLog();
    commits =
        FileChannel.open(
            file("commit"),
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.CREATE);
    readCommit();
    return this;
  }

  private Path file(String name) {
    return directory.resolve(name);
  }

  @Override
  public void init(String name, Map<String, String> args) {
    // It is opened by who made it.
  }

  @Override
  public Log useFsync(boolean force) {
    return this;
  }

  @Override
  public boolean useFsync() {
    return true;
  }

  @Override
  public void delete() throws IOException {
    close();
    for (String name : List.of("log", "vote", "commit")) {
      Files.deleteIfExists(file(name));
    }
  }

  @Override
  public synchronized void close() throws IOException {
    broken = true;
    for (FileChannel each : Arrays.asList(log, votes, commits)) {
      if (each != null) {
        each.close();
      }
    }
  }

  // Term and vote.

  @Override
  public synchronized long currentTerm() {
    return term;
  }

  /** A lower one changes nothing. The vote is that of the term. */
  @Override
  public synchronized Log currentTerm(long newTerm) {
    if (newTerm > term) {
      writeVote(newTerm, null);
    }
    return this;
  }

  @Override
  public synchronized Address votedFor() {
    return vote;
  }

  @Override
  public synchronized Log votedFor(Address member) {
    if (member == null ? vote != null : !member.equals(vote)) {
      writeVote(term, member);
    }
    return this;
  }

  /** In place, in the slot that is not the latest: a full disk takes it too. */
  private void writeVote(long newTerm, Address newVote) {
    try {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      DataOutputStream out = new DataOutputStream(bytes);
      out.writeInt(MAGIC);
      out.writeInt(VERSION);
      out.writeLong(voteNumber + 1);
      out.writeLong(newTerm);
      Util.writeAddress(newVote, out);
      ByteBuffer slot = ByteBuffer.allocate(VOTE_BYTES).put(bytes.toByteArray());
      slot.putInt(VOTE_BYTES - 4, crc(slot.slice(0, VOTE_BYTES - 4)));
      write(votes, slot.clear(), (voteNumber + 1) % 2 * VOTE_BYTES);
      votes.force(false);
    } catch (IOException e) {
      throw fail(e);
    }
    voteNumber++;
    term = newTerm;
    vote = newVote;
  }

  private void openVotes() throws IOException {
    if (!Files.exists(file("vote"))) {
      replace("vote", List.of(ByteBuffer.allocate(2 * VOTE_BYTES)));
    }
    votes = FileChannel.open(file("vote"), StandardOpenOption.READ, StandardOpenOption.WRITE);
    byte[] bytes = Files.readAllBytes(file("vote"));
    boolean[] slots = new boolean[2];
    for (int i = 0; i < 2 && bytes.length == 2 * VOTE_BYTES; i++) {
      slots[i] = readVote(ByteBuffer.wrap(bytes, i * VOTE_BYTES, VOTE_BYTES).slice());
    }
    // One that was being written when the power went is not there; both are never lost.
    boolean isNew = bytes.length == 2 * VOTE_BYTES && isZero(bytes);
    if (!slots[0] && !slots[1] && !isNew) {
      throw damaged("vote", 0);
    }
  }

  private boolean readVote(ByteBuffer slot) throws IOException {
    if (slot.getInt(0) != MAGIC
        || slot.getInt(4) != VERSION
        || slot.getInt(VOTE_BYTES - 4) != crc(slot.slice(0, VOTE_BYTES - 4))) {
      return false;
    }
    if (slot.getLong(8) > voteNumber) {
      byte[] bytes = new byte[VOTE_BYTES];
      slot.get(0, bytes);
      try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
        in.skipBytes(8);
        voteNumber = in.readLong();
        term = in.readLong();
        vote = Util.readAddress(in);
      } catch (ClassNotFoundException e) {
        throw new IOException(e);
      }
    }
    return true;
  }

  private static boolean isZero(byte[] bytes) {
    for (byte each : bytes) {
      if (each != 0) {
        return false;
      }
    }
    return true;
  }

  // How far it is applied.

  @Override
  public synchronized long commitIndex() {
    return commitIndex;
  }

  @Override
  public synchronized Log commitIndex(long index) {
    if (index == commitIndex) {
      return this;
    }
    commitIndex = index;
    ByteBuffer bytes = ByteBuffer.allocate(COMMIT_BYTES).putLong(index);
    bytes.putInt(crc(bytes.slice(0, 8))).flip();
    try {
      write(commits, bytes, 0);
    } catch (IOException e) {
      // It is only a hint.
      LOG.log(Level.DEBUG, "the commit index could not be written", e);
    }
    return this;
  }

  private void readCommit() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(COMMIT_BYTES);
    boolean whole = commits.read(bytes, 0) == COMMIT_BYTES;
    boolean right = whole && bytes.getInt(8) == crc(bytes.slice(0, 8));
    commitIndex = Math.min(lastAppended(), Math.max(first, right ? bytes.getLong(0) : 0));
  }

  // Entries.

  @Override
  public synchronized long firstAppended() {
    return first;
  }

  @Override
  public synchronized long lastAppended() {
    return firstIndex() + entries.size() - 1;
  }

  private long firstIndex() {
    return Math.max(first, 1);
  }

  @Override
  public synchronized LogEntry get(long index) {
    return index < firstIndex() || index > lastAppended()
        ? null
        : entries.get((int) (index - firstIndex()));
  }

  /**
   * Appends behind the last one; all or nothing.
   *
   * @throws UncheckedIOException if it is not on the disk
   */
  @Override
  public synchronized long append(long index, LogEntries added) {
    checkOpen();
    if (index != lastAppended() + 1) {
      throw new IllegalArgumentException(
          "entry " + index + " does not follow entry " + lastAppended());
    }
    long end = end();
    List<Long> newEnds = new ArrayList<>();
    ByteBuffer bytes = encode(index, List.of(added.toArray()), end, newEnds);
    try {
      write(log, bytes, end);
      log.force(false);
    } catch (IOException e) {
      throw fail(e);
    }
    added.forEach(entries::add);
    ends.addAll(newEnds);
    return lastAppended();
  }

  @Override
  public synchronized void deleteAllEntriesStartingFrom(long index) {
    checkOpen();
    int keep = (int) Math.max(0, index - firstIndex());
    if (keep >= entries.size()) {
      return;
    }
    try {
      log.truncate(keep == 0 ? entriesFrom : ends.get(keep - 1));
      log.force(false);
    } catch (IOException e) {
      throw fail(e);
    }
    entries.subList(keep, entries.size()).clear();
    ends.subList(keep, ends.size()).clear();
  }

  @Override
  public synchronized void forEach(ObjLongConsumer<LogEntry> function, long from, long to) {
    for (long i = Math.max(from, firstIndex()); i <= Math.min(to, lastAppended()); i++) {
      function.accept(get(i), i);
    }
  }

  @Override
  public synchronized void forEach(ObjLongConsumer<LogEntry> function) {
    forEach(function, firstIndex(), lastAppended());
  }

  /** Bytes of the entries, without the snapshot. */
  @Override
  public synchronized long sizeInBytes() {
    return end() - entriesFrom;
  }

  private long end() {
    return ends.isEmpty() ? entriesFrom : ends.get(ends.size() - 1);
  }

  // The snapshot.

  /** Kept on the disk together with the cut that follows it, so that they fit each other. */
  @Override
  public synchronized void setSnapshot(ByteBuffer bytes) {
    nextSnapshot = new byte[bytes.remaining()];
    bytes.duplicate().get(nextSnapshot);
  }

  @Override
  public synchronized ByteBuffer getSnapshot() {
    byte[] latest = nextSnapshot != null ? nextSnapshot : snapshot;
    return latest == null ? null : ByteBuffer.wrap(latest);
  }

  /** Leaves out the entries before this index, and keeps the snapshot that was set. */
  @Override
  public synchronized void truncate(long index) {
    checkOpen();
    long from = Math.max(first, Math.min(index, commitIndex));
    int dropped = (int) Math.max(0, from - firstIndex());
    reopenWith(from, List.copyOf(entries.subList(dropped, entries.size())));
  }

  /** Begins anew behind a snapshot of the leader: this entry stands for all that it has. */
  @Override
  public synchronized void reinitializeTo(long index, LogEntry entry) {
    checkOpen();
    reopenWith(index, List.of(entry));
    commitIndex(index);
  }

  private void reopenWith(long from, List<LogEntry> kept) {
    try {
      replaceLog(from, kept);
      log.close();
      log = FileChannel.open(file("log"), StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw fail(e);
    }
  }

  /** Writes a log of its own, forces it and puts it in the place of the old one. */
  private void replaceLog(long from, List<LogEntry> kept) throws IOException {
    byte[] newSnapshot = nextSnapshot != null ? nextSnapshot : snapshot;
    int length = newSnapshot == null ? -1 : newSnapshot.length;
    ByteBuffer head = ByteBuffer.allocate(HEAD_BYTES + Math.max(0, length));
    head.putInt(MAGIC).putInt(VERSION).putLong(from).putInt(length).putInt(0);
    if (newSnapshot != null) {
      head.put(newSnapshot);
    }
    head.flip();
    head.putInt(HEAD_BYTES - 4, headCrc(head));
    List<Long> newEnds = new ArrayList<>();
    ByteBuffer rest = encode(Math.max(from, 1), kept, head.limit(), newEnds);
    long headBytes = head.limit();
    replace("log", List.of(head, rest));
    snapshot = newSnapshot;
    nextSnapshot = null;
    first = from;
    entriesFrom = headBytes;
    entries.clear();
    entries.addAll(kept);
    ends.clear();
    ends.addAll(newEnds);
  }

  private static int headCrc(ByteBuffer head) {
    CRC32C crc = new CRC32C();
    crc.update(head.slice(0, HEAD_BYTES - 4));
    crc.update(head.slice(HEAD_BYTES, head.limit() - HEAD_BYTES));
    return (int) crc.getValue();
  }

  // The file.

  private static ByteBuffer encode(
      long index, List<LogEntry> added, long position, List<Long> newEnds) {
    long end = position;
    for (LogEntry entry : added) {
      end += ENTRY_BYTES + entry.length();
    }
    ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(end - position));
    long next = index;
    for (LogEntry entry : added) {
      int start = out.position();
      out.putInt(MAGIC).putInt(entry.length()).putInt(0);
      out.putLong(next++).putLong(entry.term()).put((byte) (entry.internal() ? 1 : 0));
      if (entry.length() > 0) {
        out.put(entry.command(), entry.offset(), entry.length());
      }
      out.putInt(start + 8, crc(out.slice(start + 12, out.position() - start - 12)));
      newEnds.add(position + out.position());
    }
    return out.flip();
  }

  private void readLog() throws IOException {
    ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file("log")));
    int length = all.limit() < HEAD_BYTES ? 0 : all.getInt(16);
    if (all.limit() < HEAD_BYTES
        || all.getInt(0) != MAGIC
        || all.getInt(4) != VERSION
        || Math.max(0, length) > all.limit() - HEAD_BYTES
        || all.getInt(20) != headCrc(all.slice(0, HEAD_BYTES + Math.max(0, length)))) {
      throw damaged("log", 0);
    }
    first = all.getLong(8);
    entriesFrom = HEAD_BYTES + Math.max(0, length);
    snapshot = length < 0 ? null : new byte[length];
    if (snapshot != null) {
      all.get(HEAD_BYTES, snapshot);
    }
    int at = (int) entriesFrom;
    while (isWhole(all, at)) {
      if (all.getLong(at + 12) != lastAppended() + 1) {
        throw damaged("log", at);
      }
      int bytes = all.getInt(at + 4);
      byte[] command = new byte[bytes];
      all.get(at + ENTRY_BYTES, command);
      boolean internal = all.get(at + 28) == 1;
      entries.add(new LogEntry(all.getLong(at + 20), command, 0, bytes, internal));
      at += ENTRY_BYTES + bytes;
      ends.add((long) at);
    }
    if (at == all.limit()) {
      return;
    }
    for (int behind = at + 1; behind <= all.limit() - ENTRY_BYTES; behind++) {
      if (isWhole(all, behind)) {
        throw damaged("log", at);
      }
    }
    LOG.log(
        Level.WARNING,
        "{0}: an entry that was not written whole is cut off at byte {1}",
        file("log"),
        Integer.toString(at));
    log.truncate(at);
    log.force(true);
  }

  private static boolean isWhole(ByteBuffer all, int at) {
    if (all.limit() - at < ENTRY_BYTES || all.getInt(at) != MAGIC) {
      return false;
    }
    int bytes = all.getInt(at + 4);
    return bytes >= 0
        && bytes <= all.limit() - at - ENTRY_BYTES
        && all.getInt(at + 8) == crc(all.slice(at + 12, ENTRY_BYTES - 12 + bytes));
  }

  private IOException damaged(String name, int at) {
    return new IOException(
        file(name)
            + " is damaged at byte "
            + at
            + "; if most of the controllers are well, move the directory "
            + directory
            + " away and start again: this one then learns all from the others");
  }

  private void replace(String name, List<ByteBuffer> parts) throws IOException {
    Path next = file(name + ".new");
    try (FileChannel out =
        FileChannel.open(
            next,
            StandardOpenOption.WRITE,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      long at = 0;
      for (ByteBuffer part : parts) {
        int bytes = part.remaining();
        write(out, part, at);
        at += bytes;
      }
      out.force(true);
    }
    Files.move(
        next, file(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    try (FileChannel parent = FileChannel.open(directory)) {
      parent.force(true);
    }
  }

  private void write(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += writeSome(channel, bytes, at);
    }
  }

  /** One write, which may take only some; tests let it fail. */
  int writeSome(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
    return channel.write(bytes, position);
  }

  private static int crc(ByteBuffer bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  private void checkOpen() {
    if (broken) {
      throw new IllegalStateException("the log in " + directory + " takes nothing now");
    }
  }

  private UncheckedIOException fail(IOException cause) {
    if (!broken) {
      broken = true;
      failed.accept(cause);
    }
    return new UncheckedIOException(cause);
  }
}

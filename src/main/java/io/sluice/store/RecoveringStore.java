package io.sluice.store;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * What a {@link RecoveryListener} sees of a store that is being brought up: it can delete topics.
 */
final class RecoveringStore implements MessageStore {

  private final Consumer<String> deleteTopic;

  RecoveringStore(Consumer<String> deleteTopic) {
    this.deleteTopic = deleteTopic;
  }

  @Override
  public void deleteTopic(String topic) {
    deleteTopic.accept(topic);
  }

  @Override
  public int append(
      MessageBatch batch,
      int from,
      int to,
      ConsumeQueue[] queues,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system) {
    throw notYet();
  }

  @Override
  public boolean appendAtomic(
      MessageBatch batch,
      ConsumeQueue[] queues,
      long[] queueOffsets,
      long[] physicalOffsets,
      boolean system) {
    throw notYet();
  }

  @Override
  public int maxAtomicBytes() {
    throw notYet();
  }

  @Override
  public boolean hasRoom(long bytes, boolean system) {
    throw notYet();
  }

  @Override
  public int maxRecordBytes() {
    throw notYet();
  }

  @Override
  public StoreException refusal() {
    throw notYet();
  }

  @Override
  public void whenWritable(Runnable callback) {
    throw notYet();
  }

  @Override
  public void whenForced(long physicalOffset, Consumer<StoreException> done) {
    throw notYet();
  }

  @Override
  public ConsumeQueue queue(String topic, int queueId) {
    throw notYet();
  }

  @Override
  public boolean isWarm(ConsumeQueue queue, long fromOffset, int count) {
    throw notYet();
  }

  @Override
  public CompletionStage<Integer> warm(
      ConsumeQueue queue, long fromOffset, int count, long maxBytes, boolean withRecords) {
    throw notYet();
  }

  @Override
  public CompletionStage<Integer> warm(
      ConsumeQueue queue, long fromOffset, int count, long maxBytes, RecordFilter filter) {
    throw notYet();
  }

  @Override
  public CompletionStage<Void> warm(ConsumeQueue queue, long[] offsets) {
    throw notYet();
  }

  @Override
  public CompletionStage<Long> scan(
      ConsumeQueue queue, long fromOffset, long toOffset, EntryVisitor visitor) {
    throw notYet();
  }

  @Override
  public void noteTime(long timeMs) {
    throw notYet();
  }

  @Override
  public BlockBuilder newBlock(int expectedMessages) {
    throw notYet();
  }

  @Override
  public CompletionStage<Long> offsetAtTime(ConsumeQueue queue, long timeMs) {
    throw notYet();
  }

  @Override
  public CompletionStage<MessageBlock> findByKey(String topic, String key, int max) {
    throw notYet();
  }

  @Override
  public CompletionStage<MessageBlock> findByPhysicalOffset(long physicalOffset) {
    throw notYet();
  }

  @Override
  public void ensureOffset(ConsumeQueue queue, long nextOffset) {
    throw notYet();
  }

  @Override
  public void setRetentionFloor(long physicalOffset) {
    throw notYet();
  }

  @Override
  public long minPhysicalOffset() {
    throw notYet();
  }

  @Override
  public long maxPhysicalOffset() {
    throw notYet();
  }

  @Override
  public long forcedPhysicalOffset() {
    throw notYet();
  }

  @Override
  public RawLog raw() {
    throw notYet();
  }

  @Override
  public RecoveryReport recovery() {
    throw notYet();
  }

  @Override
  public CompletionStage<Void> close() {
    throw notYet();
  }

  private static IllegalStateException notYet() {
    return new IllegalStateException("while a store is recovered, only topics can be deleted");
  }
}

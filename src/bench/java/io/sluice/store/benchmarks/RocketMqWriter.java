package io.sluice.store.benchmarks;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageBatch;
import org.apache.rocketmq.common.message.MessageClientIDSetter;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExtBatch;
import org.apache.rocketmq.common.message.MessageExtBrokerInner;
import org.apache.rocketmq.store.DefaultMessageStore;
import org.apache.rocketmq.store.PutMessageResult;
import org.apache.rocketmq.store.config.FlushDiskType;
import org.apache.rocketmq.store.config.MessageStoreConfig;
import org.apache.rocketmq.store.stats.BrokerStatsManager;

/** Writes batches into RocketMQ's DefaultMessageStore from one thread, as its broker does. */
final class RocketMqWriter {

  private static final int BATCH = SluiceWriter.BATCH;
  private static final long MAX_BEHIND_BYTES = 8 << 20;

  private final Path directory;
  private final DefaultMessageStore store;
  private final int queueCount;
  private final InetSocketAddress host = new InetSocketAddress("127.0.0.1", 8080);
  private final byte[] body = new byte[128];
  private final byte[] encodedBatch;
  private int nextQueue;

  RocketMqWriter(int queueCount) throws Exception {
    this.queueCount = queueCount;
    directory = Directories.create("rocketmq");
    MessageStoreConfig config = new MessageStoreConfig();
    config.setStorePathRootDir(directory.toString());
    config.setStorePathCommitLog(directory.resolve("commitlog").toString());
    config.setFlushDiskType(FlushDiskType.ASYNC_FLUSH);
    config.setHaListenPort(0);
    config.setDuplicationEnable(false);
    BrokerConfig broker = new BrokerConfig();
    broker.setBrokerClusterName("bench");
    store =
        new DefaultMessageStore(
            config,
            new BrokerStatsManager("bench", true),
            (topic, queueId, offset, tags, time, filter, properties) -> {},
            broker,
            new ConcurrentHashMap<>());
    if (!store.load()) {
      throw new IllegalStateException("RocketMQ's store did not load");
    }
    store.start();
    // Encoded once: its broker gets batches encoded by the client.
    List<Message> messages = new ArrayList<>();
    for (int i = 0; i < BATCH; i++) {
      Message message = new Message("bench", body);
      MessageClientIDSetter.setUniqID(message);
      messages.add(message);
    }
    encodedBatch = MessageBatch.generateFromList(messages).encode();
  }

  /** One batch put, into one queue. */
  int writeBatch() {
    MessageExtBatch batch = new MessageExtBatch();
    fill(batch);
    batch.setBody(encodedBatch);
    check(store.putMessages(batch));
    return BATCH;
  }

  /** Waits until queues and index are near the end of the log. */
  void awaitQueues() {
    while (store.dispatchBehindBytes() > MAX_BEHIND_BYTES) {
      Thread.onSpinWait();
    }
  }

  /** As many single puts. */
  int writeSingles() {
    for (int i = 0; i < BATCH; i++) {
      MessageExtBrokerInner message = new MessageExtBrokerInner();
      fill(message);
      message.setBody(body);
      MessageClientIDSetter.setUniqID(message);
      message.setPropertiesString(MessageDecoder.messageProperties2String(message.getProperties()));
      check(store.putMessage(message));
    }
    return BATCH;
  }

  void close() throws Exception {
    store.shutdown();
    store.destroy();
    Directories.delete(directory);
  }

  private void fill(MessageExtBrokerInner message) {
    message.setTopic("bench");
    message.setQueueId(nextQueue);
    nextQueue = nextQueue + 1 == queueCount ? 0 : nextQueue + 1;
    message.setBornTimestamp(System.currentTimeMillis());
    message.setBornHost(host);
    message.setStoreHost(host);
  }

  private static void check(PutMessageResult result) {
    if (!result.isOk()) {
      throw new IllegalStateException("RocketMQ refused: " + result.getPutMessageStatus());
    }
  }
}

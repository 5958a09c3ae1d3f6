package io.sluice.replication;

import io.sluice.store.FileAccess;
import io.sluice.store.StoreOptions;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetServerOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How a Broker's log is replicated.
 *
 * @param cluster name of the cluster; a master and its slaves share it
 * @param brokerName a master and its slaves share it
 * @param brokerId 0 for a master that never was a slave, else the slave's number
 * @param address {@code host:port} that RocketMQ clients dial here
 * @param directory the Broker's data
 * @param store options of its store
 * @param host address to listen at
 * @param port port to listen at for slaves, 0 for any free
 * @param masterHost host of the master to follow; null for a master
 * @param masterPort its port for slaves
 * @param minInSync slaves that must be in sync for ack level replicated
 * @param inSyncTimeout a slave that had not everything for so long is not in sync
 * @param ackTimeout an append waits at most so long for the slaves
 * @param security puts TLS to the connections of master and slaves; {@link Security#NONE} for none
 */
public record ReplicationOptions(
    String cluster,
    String brokerName,
    long brokerId,
    String address,
    Path directory,
    StoreOptions store,
    String host,
    int port,
    String masterHost,
    int masterPort,
    int minInSync,
    Duration inSyncTimeout,
    Duration ackTimeout,
    Security security) {

  /** What is set on connections so that only those who belong together talk. */
  public interface Security {

    /** As if it were not there: whoever reaches the port gets every message. */
    Security NONE =
        new Security() {
          @Override
          public NetServerOptions apply(NetServerOptions options) {
            return options;
          }

          @Override
          public NetClientOptions apply(NetClientOptions options) {
            return options;
          }
        };

    /** For the master's listener. */
    NetServerOptions apply(NetServerOptions options);

    /** For a slave. */
    NetClientOptions apply(NetClientOptions options);
  }

  /** Nothing was sent for so long: a heartbeat is. */
  static final long HEARTBEAT_MS = 500;

  /** A connection that was silent for so long is closed: ten heartbeats. */
  static final long SILENT_MS = 10 * HEARTBEAT_MS;

  /** Number of the last epoch of the log in a data directory, 0 if there is none. For workers. */
  public static long lastEpoch(FileAccess files, Path directory) throws IOException {
    return new EpochFile(files, directory).read().lastNumber();
  }
}

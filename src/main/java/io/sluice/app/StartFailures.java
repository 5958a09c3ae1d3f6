package io.sluice.app;

import io.netty.channel.unix.Errors;
import io.sluice.cluster.ClusterOptions;
import io.sluice.store.StoreException;
import java.io.IOException;
import java.net.BindException;
import java.util.Set;

/** Turns what went wrong at a start into a cause, a next step and an exit code. */
final class StartFailures {

  /** EADDRINUSE of Linux (asm-generic/errno.h) and of macOS (sys/errno.h): Netty tells it raw. */
  private static final Set<Integer> ADDRESS_IN_USE = Set.of(98, 48);

  private StartFailures() {}

  /** A listener that could not be opened. */
  static StartException listener(ConfigKey key, String host, int port, Throwable failure) {
    String where = host + ":" + port;
    if (isInUse(failure)) {
      return new StartException(
          ExitCode.PORT_IN_USE,
          where
              + " is in use by another process; stop it, or choose another port with "
              + key.flag()
              + " ("
              + key.name()
              + "), 0 for any free one",
          failure);
    }
    return new StartException(
        ExitCode.FAILED,
        "can not listen at "
            + where
            + " ("
            + failure.getMessage()
            + "); look at "
            + ConfigTable.HOST.flag()
            + " and "
            + key.flag(),
        failure);
  }

  /** The cluster could not be joined by a server. */
  static StartException cluster(String host, Throwable failure) {
    return cluster(
        host,
        ConfigTable.CLUSTER_HOST.flag()
            + ", "
            + ConfigTable.CLUSTER_PORT.flag()
            + " and the two ports after it, and "
            + ConfigTable.CLUSTER_HOSTS.flag(),
        failure);
  }

  /** The cluster could not be joined by an application. */
  static StartException cluster(ClusterOptions options, Throwable failure) {
    return cluster(
        options.getHost() + ":" + options.getPort(),
        "the options' host, which has to be one of this machine, port and the two after it, and"
            + " hosts",
        failure);
  }

  private static StartException cluster(String where, String lookAt, Throwable failure) {
    if (failure instanceof IllegalArgumentException wrong) {
      return new StartException(ExitCode.USAGE, wrong.getMessage(), failure);
    }
    return new StartException(
        isInUse(failure) ? ExitCode.PORT_IN_USE : ExitCode.FAILED,
        "can not join the cluster at " + where + " (" + rootOf(failure) + "); look at " + lookAt,
        failure);
  }

  private static Throwable rootOf(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root;
  }

  private static boolean isInUse(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof Errors.NativeIoException io) {
        return ADDRESS_IN_USE.contains(-io.expectedErr());
      }
      if (cause instanceof BindException) {
        return true;
      }
    }
    return false;
  }

  /** A store that could not be opened, or anything else that failed. */
  static StartException of(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof StartException known) {
        return known;
      }
      if (cause instanceof StoreException store) {
        return new StartException(exitCode(store), store.getMessage(), failure);
      }
      if (cause instanceof IllegalArgumentException wrong) {
        return new StartException(ExitCode.USAGE, wrong.getMessage(), failure);
      }
      if (cause instanceof IOException io) {
        return new StartException(ExitCode.FAILED, io.toString(), failure);
      }
    }
    return new StartException(ExitCode.FAILED, "the start failed: " + failure, failure);
  }

  private static ExitCode exitCode(StoreException failure) {
    return switch (failure.kind()) {
      case LOCKED -> ExitCode.LOCKED;
      case NOT_WRITABLE -> ExitCode.NOT_WRITABLE;
      case NEWER_VERSION -> ExitCode.NEWER_VERSION;
      case DAMAGED -> ExitCode.DAMAGED;
      case DISK_FULL -> ExitCode.DISK_FULL;
      default -> ExitCode.FAILED;
    };
  }
}

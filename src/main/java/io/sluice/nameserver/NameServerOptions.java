package io.sluice.nameserver;

import java.time.Duration;

/** How a NameServer is set up. */
public final class NameServerOptions {

  /** Its id, if none is given. */
  public static final String DEFAULT_ID = "nameserver";

  /** RocketMQ's: four registrations of a Broker may be lost. */
  public static final Duration DEFAULT_EXPIRY = Duration.ofSeconds(120);

  /** RocketMQ's {@code scanNotActiveBrokerInterval}. */
  public static final Duration DEFAULT_SCAN_INTERVAL = Duration.ofSeconds(5);

  private String id = DEFAULT_ID;
  private Duration expiry = DEFAULT_EXPIRY;
  private Duration scanInterval = DEFAULT_SCAN_INTERVAL;

  /** The defaults. */
  public NameServerOptions() {}

  /** A copy. */
  public NameServerOptions(NameServerOptions other) {
    id = other.id;
    expiry = other.expiry;
    scanInterval = other.scanInterval;
  }

  public String getId() {
    return id;
  }

  /**
   * Sets the id, by which it is addressed alone.
   *
   * @param id not empty, unique among the NameServers
   */
  public NameServerOptions setId(String id) {
    if (id == null || id.isBlank()) {
      throw new IllegalArgumentException("the id of a NameServer must not be empty");
    }
    this.id = id;
    return this;
  }

  public Duration getExpiry() {
    return expiry;
  }

  /**
   * Sets after how long a silence a Broker is taken for dead.
   *
   * @param expiry more than zero; less than 60 s would drop a Broker after one lost registration
   */
  public NameServerOptions setExpiry(Duration expiry) {
    this.expiry = positive("expiry", expiry);
    return this;
  }

  public Duration getScanInterval() {
    return scanInterval;
  }

  /**
   * Sets how often the dead are looked for.
   *
   * @param scanInterval more than zero
   */
  public NameServerOptions setScanInterval(Duration scanInterval) {
    this.scanInterval = positive("scanInterval", scanInterval);
    return this;
  }

  private static Duration positive(String name, Duration value) {
    if (value.toMillis() < 1) {
      throw new IllegalArgumentException(name + " is " + value + "; allowed is 1 ms or more");
    }
    return value;
  }
}

package io.sluice.broker;

import java.time.Duration;

/** How a Broker deals with open transactions. Setters check their own range. */
public final class TransactionOptions {

  /** Open transactions at most: about 300 bytes each, so 30 MB. */
  public static final int DEFAULT_MAX_OPEN = 100_000;

  /** RocketMQ's {@code transactionTimeOut}. */
  public static final Duration DEFAULT_FIRST_CHECK = Duration.ofSeconds(6);

  /** RocketMQ's {@code transactionCheckInterval}. */
  public static final Duration DEFAULT_CHECK_INTERVAL = Duration.ofSeconds(30);

  /** RocketMQ's {@code transactionCheckMax}. */
  public static final int DEFAULT_MAX_CHECKS = 15;

  private boolean enabled = true;
  private int maxOpen = DEFAULT_MAX_OPEN;
  private Duration firstCheck = DEFAULT_FIRST_CHECK;
  private Duration checkInterval = DEFAULT_CHECK_INTERVAL;
  private int maxChecks = DEFAULT_MAX_CHECKS;

  /** The defaults. */
  public TransactionOptions() {}

  /** A copy. */
  public TransactionOptions(TransactionOptions other) {
    enabled = other.enabled;
    maxOpen = other.maxOpen;
    firstCheck = other.firstCheck;
    checkInterval = other.checkInterval;
    maxChecks = other.maxChecks;
  }

  public boolean isEnabled() {
    return enabled;
  }

  /** Sets whether new ones are taken; those that are open are asked for and ended in any case. */
  public TransactionOptions setEnabled(boolean enabled) {
    this.enabled = enabled;
    return this;
  }

  public int getMaxOpen() {
    return maxOpen;
  }

  /** Sets how many may be open at the same time; 1 or more. */
  public TransactionOptions setMaxOpen(int maxOpen) {
    this.maxOpen = (int) atLeastOne("maxOpen", maxOpen);
    return this;
  }

  public Duration getFirstCheck() {
    return firstCheck;
  }

  /** Sets the age at which it is asked how one ended for the first time; 1 ms or more. */
  public TransactionOptions setFirstCheck(Duration firstCheck) {
    atLeastOne("firstCheck in ms", firstCheck.toMillis());
    this.firstCheck = firstCheck;
    return this;
  }

  public Duration getCheckInterval() {
    return checkInterval;
  }

  /** Sets the time until it is asked again; 1 ms or more. */
  public TransactionOptions setCheckInterval(Duration checkInterval) {
    atLeastOne("checkInterval in ms", checkInterval.toMillis());
    this.checkInterval = checkInterval;
    return this;
  }

  public int getMaxChecks() {
    return maxChecks;
  }

  /** Sets how often it is asked before the transaction is rolled back; 1 or more. */
  public TransactionOptions setMaxChecks(int maxChecks) {
    this.maxChecks = (int) atLeastOne("maxChecks", maxChecks);
    return this;
  }

  private static long atLeastOne(String name, long value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " is " + value + "; allowed is 1 or more");
    }
    return value;
  }
}

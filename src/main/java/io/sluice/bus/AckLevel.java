package io.sluice.bus;

/** What must have happened to a message before its send is answered. */
public enum AckLevel {
  /** In the page cache: survives the death of the process. */
  MEMORY,
  /** Forced to the disk: survives the death of the machine. */
  DISK,
  /** Forced to the disk and held by the in-sync slaves. */
  REPLICATED
}

package io.sluice.group;

import org.jgroups.Address;
import org.jgroups.Message;
import org.jgroups.protocols.PerDestinationBundler;

/**
 * Sends to each member by a thread of its own, so that a host that is cut off, and answers no
 * connect, does not hold up what goes to the others.
 *
 * <p>Where two threads had the first message for a member at the same time, the bundler of JGroups
 * 5.4.13 made its queue twice: its thread waited at the first one and everybody else put into the
 * second. Nothing ever went to that member any more, though heartbeats, which go to all by another
 * queue, kept it in the view. So a queue is made here, once, before anything is put into it.
 * JGroups 5.5 makes it once too.
 *
 * <p>Safe for any thread.
 */
class DestinationBundler extends PerDestinationBundler {

  DestinationBundler() {
    useSingleSenderThread(false);
  }

  @Override
  public void send(Message message) throws Exception {
    Address to = message.getDest() == null ? NULL : message.getDest();
    if (!dests.containsKey(to)) {
      open(to, message.getDest());
    }
    super.send(message);
  }

  private synchronized void open(Address key, Address to) {
    if (!dests.containsKey(key)) {
      dests.put(key, new SendBuffer(to).start());
    }
  }
}

/** Probabilities per call or message, and numbers of incidents per history. */
export interface OrderFaults {
  requestLost: number;
  replyLost: number;
  /** Longer than any time-out: a delayed command is executed after its caller has given up. */
  slow: number;
  /** The process dies between two steps. */
  crash: number;
  webhookLost: number;
  webhookLate: number;
  webhookTwice: number;
  incidents: {
    kill: number;
    pause: number;
    ledgerDown: number;
    providerDown: number;
    storeDown: number;
    storeLosesWrites: number;
    clockStep: number;
  };
}

export const noOrderFaults: OrderFaults = {
  requestLost: 0,
  replyLost: 0,
  slow: 0,
  crash: 0,
  webhookLost: 0,
  webhookLate: 0,
  webhookTwice: 0,
  incidents: {
    kill: 0,
    pause: 0,
    ledgerDown: 0,
    providerDown: 0,
    storeDown: 0,
    storeLosesWrites: 0,
    clockStep: 0,
  },
};

export const manyOrderFaults: OrderFaults = {
  requestLost: 0.01,
  replyLost: 0.02,
  slow: 0.01,
  crash: 0.004,
  webhookLost: 0.2,
  webhookLate: 0.2,
  webhookTwice: 0.2,
  incidents: {
    kill: 1,
    pause: 0.5,
    ledgerDown: 0.5,
    providerDown: 0.5,
    storeDown: 0.4,
    storeLosesWrites: 0.7,
    clockStep: 0.3,
  },
};

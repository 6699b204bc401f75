// The paper's quantities for one query patch k, as semrel-loss computes them. Features are rows z of unit length; sums are
// taken in double precision.
"use strict";

const Relation = {
  /** s_i = z_k · z_i for all N rows of `rows` (N × width). */
  similarities(rows, width, k, s) {
    const from = k * width;
    for (let i = 0, at = 0; i < s.length; i++) {
      let sum = 0;
      for (let d = 0; d < width; d++, at++) sum += rows[at] * rows[from + d];
      s[i] = sum;
    }
    return s;
  },

  /** Eq. 1 and 2: P_i = exp s_i / Σ_j exp s_j, without temperature, j = k included; also ln P. */
  distribution(s, p, logP) {
    let largest = -Infinity, sum = 0;
    for (let i = 0; i < s.length; i++) if (s[i] > largest) largest = s[i];
    for (let i = 0; i < s.length; i++) sum += Math.exp(s[i] - largest);
    const logSum = largest + Math.log(sum);
    for (let i = 0; i < s.length; i++) {
      logP[i] = s[i] - logSum;
      p[i] = Math.exp(logP[i]);
    }
  },

  /** Eq. 3 for one patch: JSD(P ‖ Q) in nats; `terms` gets the share of each position, which are 0 or more. */
  divergence(p, logP, q, logQ, terms) {
    let sum = 0;
    for (let i = 0; i < p.length; i++) {
      const logM = Math.log(0.5 * (p[i] + q[i]));
      terms[i] = Math.max(0, 0.5 * (p[i] * (logP[i] - logM) + q[i] * (logQ[i] - logM)));
      sum += terms[i];
    }
    return sum;
  },

  /**
   * Eq. 5: weights of the negatives i ≠ k from the input's similarities s; γ is a temperature, the paper's is 1/γ.
   * "official": row maximum 1. "paper": row mean 1. "ones": the published mask covers everything (one patch an image).
   * The query is no negative of itself: its entry is NaN.
   */
  weights(s, k, gamma, rule, w) {
    let largest = -Infinity, sum = 0;
    for (let i = 0; i < s.length; i++) if (i !== k && s[i] > largest) largest = s[i];
    for (let i = 0; i < s.length; i++) {
      w[i] = rule === "ones" ? 1 : Math.exp((s[i] - largest) / gamma);
      if (i !== k) sum += w[i];
    }
    if (rule === "paper") {
      const mean = sum / (s.length - 1);
      for (let i = 0; i < s.length; i++) w[i] /= mean;
    }
    w[k] = NaN;
  },

  /** exp of the entropy of non-negative numbers made a distribution: how many positions share it, in effect. */
  effective(values) {
    let sum = 0, weighted = 0;
    for (const v of values) {
      if (v > 0) {
        sum += v;
        weighted += v * Math.log(v);
      }
    }
    return sum > 0 ? sum * Math.exp(-weighted / sum) : 0;
  },

  /** Least and largest number, without NaN and without entry `but`. */
  range(values, but = -1) {
    let low = Infinity, high = -Infinity;
    for (let i = 0; i < values.length; i++) {
      if (i === but || !(values[i] === values[i])) continue;
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
    return [low, high];
  },
};

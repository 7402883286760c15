import type { JSX } from "preact";

export type Fact = readonly [name: string, value: string];

/** Names and values in a card. `id` is its title's id. */
export function FactsCard(card: {
  readonly id: string;
  readonly title: string;
  readonly facts: readonly Fact[];
}): JSX.Element {
  return (
    <section class="card" aria-labelledby={card.id}>
      <h2 id={card.id}>{card.title}</h2>
      <dl class="pairs">
        {card.facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

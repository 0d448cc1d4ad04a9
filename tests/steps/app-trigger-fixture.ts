/** A trigger of the application with this body; its function has the trigger's name. (The tests' superuser is called rollout: without a schema its functions would lie in ours.) */
export const trigger = (
  body: string,
  { when = "BEFORE UPDATE", name = "touch", table = "deals" } = {},
): string => `
  CREATE FUNCTION public.${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$;
  CREATE TRIGGER ${name} ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION public.${name}();`;

/** The time of the last change, a version, and columns whose text is not easily given back. */
export const TOUCH = `
  ALTER TABLE deals ADD version int NOT NULL DEFAULT 1, ADD odd int[] DEFAULT '[0:1]={1,NULL}', ADD exact float8 DEFAULT 0.1,
    ADD fixed char(5) DEFAULT 'a', ADD "Quoted ""x" jsonb, ADD twice int GENERATED ALWAYS AS (id * 2) STORED;
  ${trigger(`NEW.updated_at := clock_timestamp(); NEW.version := OLD.version + 1; NEW.odd := NULL; NEW.exact := 0.3;
    NEW.fixed := 'bb'; NEW."Quoted ""x" := '{"by": "it''s \\\\ me"}';`)}`;

/** Writes to another table, whose name it leaves to the search path. */
export const AUDIT = `CREATE TABLE audit (id bigint);
  ${trigger("INSERT INTO audit VALUES (NEW.id);", { when: "AFTER UPDATE", name: "log_it" })}`;

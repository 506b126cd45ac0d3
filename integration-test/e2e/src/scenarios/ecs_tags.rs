//! `ecs-tags`: the blue and the green tasks of one service form two clusters that share no member.

use anyhow::ensure;
use futures::future::try_join;

use super::expect::{FORMING, form_one_cluster};
use crate::{
    local::{fleet::Fleet, sandbox::Sandbox},
    nodes::settings::Settings,
    record::Record,
};

/// Shows it with `nodes` tasks of each colour.
pub(super) async fn show(
    sandbox: &Sandbox<'_>,
    record: &Record,
    nodes: usize,
) -> anyhow::Result<()> {
    let mut blue = of_color("blue", sandbox, nodes);
    let mut green = of_color("green", sandbox, nodes);
    blue.place(nodes)?;
    green.place(nodes)?;
    blue.start()?;
    green.start()?;

    let (one, other) = try_join(
        record.step(
            format!("{nodes} blue tasks form one cluster"),
            form_one_cluster(FORMING, &blue.nodes()),
        ),
        record.step(
            format!("{nodes} green tasks of the same service form another"),
            form_one_cluster(FORMING, &green.nodes()),
        ),
    )
    .await?;
    ensure!(one != other, "blue and green are both in {one}");
    Ok(())
}

fn of_color<'d>(color: &'static str, sandbox: &'d Sandbox<'d>, nodes: usize) -> Fleet<'d> {
    let settings = Settings::default()
        .with("DISCOVERY_AWS_API_ECS_TAGS", &format!("color={color}"))
        // The service's desired count is that of both colours together.
        .with("BOOTSTRAP_EXPECTED_NODES", &nodes);
    Fleet::create(sandbox)
        .called(color)
        .of(|task| task.tag("color", color))
        .with(settings)
}

//! How much of Fargate an account may use at once: new accounts may use little.

use anyhow::{Context, ensure};
use aws_config::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use crate::signed::{self, Call};

const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/x-amz-json-1.1"),
    ("x-amz-target", "ServiceQuotasV20190624.GetServiceQuota"),
];

/// "Fargate On-Demand vCPU resource count".
const CODE: &str = "L-3032A538";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    quota: Quota,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Quota {
    value: f64,
}

/// How many virtual CPUs all tasks of the account and region may have together.
pub(super) async fn virtual_cpus(config: &SdkConfig) -> anyhow::Result<f64> {
    let region = config.region().context("no region is set")?.as_ref();
    let call = Call {
        service: "servicequotas",
        region,
        url: format!("https://servicequotas.{region}.{}", signed::suffix(region)),
        headers: &HEADERS,
        body: json!({"ServiceCode": "fargate", "QuotaCode": CODE}).to_string(),
    };
    let answer = signed::post(config, &call).await?;
    ensure!(
        answer.status == 200,
        "Service Quotas answers {} {}",
        answer.status,
        discovery::excerpt(&answer.body, 200)
    );
    let read: Answer =
        serde_json::from_str(&answer.body).context("reading the answer of Service Quotas")?;
    Ok(read.quota.value)
}
